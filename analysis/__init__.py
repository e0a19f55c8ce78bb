"""Recordings in, tables and figures out.

Free functions: a labelled table in, a tidy table out, and a ``plot_x`` beside each ``x``. Names are resolved on
first use, so that importing this package loads neither pandas nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULE_OF = {
    "item_rates": ".decoding",
    "decode_items": ".decoding",
    "decoded_sequences": ".decoding",
    "recorded_spikes": ".recorded_circuits",
    "weights_by_assembly": ".recorded_circuits",
    "recorded_stages": ".recorded_circuits",
    "plot_raster": ".figures.raster",
    "plot_hypnogram": ".figures.hypnogram",
    "plot_nights": ".figures.nights",
    "plot_replay_counts": ".figures.replay",
    "plot_weights_before_after": ".figures.weights",
    "plot_circuit": ".figures.circuit",
    "synapse_kinds": ".weight_changes",
    "replay_events": ".sleep_replay",
    "replay_by_night": ".sleep_replay",
    "replay_and_recall": ".sleep_replay",
    "sequence_replay": ".sequences",
    "burst_sequences": ".sequences",
    "compression": ".sequences",
    "learned_interval": ".sequences",
    "ripple_band": ".ripples",
    "recall_over_nights": ".consolidation",
    "consolidation_index": ".consolidation",
    "effect_size": ".effect_sizes",
    "weight_change_by_assembly": ".weight_changes",
    "flexibility_and_change": ".weight_changes",
    "relative_change": ".weight_changes",
    "downscaling": ".weight_changes",
    "firing_rates": ".spike_trains",
    "cv_of_intervals": ".spike_trains",
    "sparsity": ".spike_trains",
    "population_bursts": ".bursts",
    "burst_counts": ".bursts",
    "events_per_second": ".bursts",
    "index_assemblies": ".assemblies",
    "assembly_overlap": ".assemblies",
    "match_bursts": ".replay",
    "replay_counts": ".replay",
    "replay_evenness": ".replay",
    "final_performance": ".serial_position",
    "serial_position_curve": ".serial_position",
    "learning_curves": ".epochs",
    "memorised": ".shuffle_test",
    "count_memorised": ".shuffle_test",
    "above_chance": ".chance",
    "gross_memory": ".capacity",
    "average_performance": ".capacity",
    "performance_by_repetition": ".repetition",
    "repetition_scores": ".repetition",
    "minimum_by_repetition": ".repetition",
    "mean_by_repetition": ".repetition",
    "performance_around_poisoning": ".poisoning",
    "retention_by_subject": ".poisoning",
    "retention_after_poisoning": ".poisoning",
    "performance_by_frequency": ".frequency",
    "frequency_and_order_correlation": ".frequency",
    "compare_models": ".comparison",
    "compare_paired": ".comparison",
    "mean_over_subjects": ".confidence",
    "metrics": ".summaries",
    "summary": ".summaries",
    "plot_serial_position": ".figures.serial_position",
    "plot_learning_curves": ".figures.serial_position",
    "plot_memorised": ".figures.capacity",
    "plot_gross_memory": ".figures.capacity",
    "plot_items_by_repetition": ".figures.repetition",
    "plot_repetition": ".figures.repetition",
    "plot_items_after_poisoning": ".figures.poisoning",
    "plot_poisoning": ".figures.poisoning",
    "plot_performance_by_frequency": ".figures.frequency",
    "plot_frequency_order": ".figures.frequency",
    "plot_recording": ".figures.recording",
    "model_styles": ".figures.style",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
