"""Recordings in, tables and figures out.

Free functions: a labelled table in, a tidy table out, and a ``plot_x`` beside each ``x``. Names are resolved on
first use, so that importing this package loads neither pandas nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULE_OF = {
    "above_chance": ".chance",
    "accuracy_matrix": ".continual",
    "accuracy_on_seen": ".continual",
    "assembly_overlap": ".assemblies",
    "average_incremental": ".task_measures",
    "average_performance": ".capacity",
    "burst_counts": ".bursts",
    "burst_sequences": ".sequences",
    "bwt": ".task_measures",
    "compare_models": ".comparison",
    "compare_paired": ".comparison",
    "compression": ".sequences",
    "confusion": ".confusions",
    "consolidation_index": ".consolidation",
    "continual_scores": ".continual",
    "continual_table": ".learner_table",
    "corruption_accuracies": ".probe_evaluations",
    "costs_by_phase": ".learning_costs",
    "count_memorised": ".shuffle_test",
    "cv_of_intervals": ".spike_trains",
    "decode_items": ".decoding",
    "decoded_sequences": ".decoding",
    "downscaling": ".weight_changes",
    "effect_size": ".effect_sizes",
    "evaluations": ".probe_evaluations",
    "events_per_second": ".bursts",
    "final_performance": ".serial_position",
    "firing_rates": ".spike_trains",
    "flexibility_and_change": ".weight_changes",
    "forgetting": ".task_measures",
    "frequency_and_order_correlation": ".frequency",
    "fwt": ".task_measures",
    "gross_memory": ".capacity",
    "index_assemblies": ".assemblies",
    "item_rates": ".decoding",
    "last": ".task_measures",
    "learned_interval": ".sequences",
    "learning_curves": ".epochs",
    "match_bursts": ".replay",
    "mean_by_repetition": ".repetition",
    "mean_over_subjects": ".confidence",
    "memorised": ".shuffle_test",
    "memory_by_phase": ".learning_costs",
    "metrics": ".summaries",
    "minimum_by_repetition": ".repetition",
    "model_styles": ".figures.style",
    "performance_around_poisoning": ".poisoning",
    "performance_by_frequency": ".frequency",
    "performance_by_repetition": ".repetition",
    "plot_accuracy_against": ".figures.budgets",
    "plot_accuracy_over_tasks": ".figures.tasks",
    "plot_circuit": ".figures.circuit",
    "plot_frequency_order": ".figures.frequency",
    "plot_gross_memory": ".figures.capacity",
    "plot_hypnogram": ".figures.hypnogram",
    "plot_items_after_poisoning": ".figures.poisoning",
    "plot_items_by_repetition": ".figures.repetition",
    "plot_learning_curves": ".figures.serial_position",
    "plot_memorised": ".figures.capacity",
    "plot_nights": ".figures.nights",
    "plot_performance_by_frequency": ".figures.frequency",
    "plot_poisoning": ".figures.poisoning",
    "plot_raster": ".figures.raster",
    "plot_recollections": ".figures.recollections",
    "plot_recording": ".figures.recording",
    "plot_recordings": ".figures.recordings",
    "plot_repetition": ".figures.repetition",
    "plot_replay_counts": ".figures.replay",
    "plot_robustness": ".figures.robustness",
    "plot_serial_position": ".figures.serial_position",
    "plot_task_matrix": ".figures.tasks",
    "plot_weights_before_after": ".figures.weights",
    "population_bursts": ".bursts",
    "recall_over_nights": ".consolidation",
    "recorded_spikes": ".recorded_circuits",
    "recorded_stages": ".recorded_circuits",
    "relative_change": ".weight_changes",
    "repetition_scores": ".repetition",
    "replay_and_recall": ".sleep_replay",
    "replay_by_night": ".sleep_replay",
    "replay_counts": ".replay",
    "replay_evenness": ".replay",
    "replay_events": ".sleep_replay",
    "retention_after_poisoning": ".poisoning",
    "retention_by_subject": ".poisoning",
    "ripple_band": ".ripples",
    "sequence_replay": ".sequences",
    "serial_position_curve": ".serial_position",
    "sparsity": ".spike_trains",
    "summary": ".summaries",
    "synapse_kinds": ".weight_changes",
    "tasks_of": ".tasks",
    "unknown_detection": ".probe_evaluations",
    "weight_change_by_assembly": ".weight_changes",
    "weights_by_assembly": ".recorded_circuits",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
