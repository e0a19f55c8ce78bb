"""A recording, or a table of scores, held against what people did."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...data.wording import nearest, one_of
from ..probes import require_columns
from .compared_recordings import common_models, conditions_of, opened_recordings, source_of
from .conditions import chosen_conditions, recalls_items
from .contrasts import in_words
from .links import LINKS
from .matched_conditions import fitted_conditions, plain_factors, shared_conditions, wide_scores
from .model_comparison import ModelComparison, compare_model, flat_mean
from .report import Report, Source
from .simulated_subjects import Subjects, simulated_subjects
from .standardised import is_effect_size

if TYPE_CHECKING:
    from ...data.behaviour import Dataset
    from ...data.recording import ModelInfo, Recording


def compare(
    recording: Recording | str | os.PathLike[str] | Mapping[str, Recording | str | os.PathLike[str]],
    dataset: Dataset | str,
    link: str | None = None,
    models: str | Sequence[str] | None = None,
    *,
    where: Mapping[str, Any] | None = None,
    fit_on: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Report:
    """Hold the models of a recording against what people did.

    Parameters
    ----------
    recording : Recording, path, or mapping of str to these
        Of a protocol that reproduces the experiment; the data set's ``protocols`` names some. Where its conditions are
        different protocols, a recording for each level of its factor: ``{"sleep": …, "wake": …}``.
    dataset : Dataset or str
        Or the name of a shipped one, or the path of a table of one's own.
    link : {"identity", "logistic"}, optional
        From a model's score to the probability of a response. ``identity`` is the default of models that recall.
        Performance of a classifier has another chance and another measure, and is only compared through ``logistic``:
        two parameters, fitted on some conditions and tested on the others.
    models : str or sequence of str, optional
        Names in the recording, all by default. The first is the one that the report is about, the others are what it
        is compared with. Where none is named, models that cannot be compared are left out, and the report says why.
    where : mapping, optional
        Factor -> level or list of levels: which of the data set's conditions are compared. Needed for factors that no
        recording has, such as the modality of words.
    fit_on : mapping, optional
        The conditions that a logistic link is fitted on, like `where`; every second one by default.
    seed : int
        Of bootstrap intervals.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        The comparison would be vacuous (the model lacks an ability), needs a link, or lacks conditions.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> report = engram.analysis.compare("runs/hebb-and-fillers.h5", "page2006-hebb")  # doctest: +SKIP
    >>> print(report.text())  # doctest: +SKIP
    """
    data = _dataset(dataset)
    recordings = opened_recordings(recording, data)
    source = source_of(recordings, data)
    first = next(iter(recordings.values()))
    _check_link(link, fit_on, data)
    named = [models] if isinstance(models, str) else list(models) if models is not None else None
    infos = common_models(recordings)
    for name in named or []:
        if name not in infos:
            raise ValueError(f'the recording has no model "{name}"; it has {one_of(infos)}.{nearest(name, infos)}')
    compared: dict[str, ModelComparison] = {}
    refused: dict[str, str] = {}
    chosen: dict[str, pd.DataFrame] = {}
    for name in dict.fromkeys(named or infos):
        reason = _why_not(name, infos[name], first.measure(name), data, link)
        if reason and (named or len(infos) == 1):
            raise ValueError(reason)
        if reason:
            refused[name] = reason
        else:
            chosen[name] = conditions_of(recordings, data, name, where or {})
    if not chosen:
        raise ValueError(
            next(iter(refused.values())) + f" (so with every model of the recording: {', '.join(refused)})"
        )
    conditions, left_out = shared_conditions(chosen, data, where or {}, source)
    for name, table in chosen.items():
        subjects = simulated_subjects(infos[name], first.measure(name))
        compared[name] = compare_model(
            wide_scores(table, conditions, data, name), conditions, data, link or "identity", subjects,
            fitted=fitted_conditions(conditions, data, link, fit_on), seed=seed,
        )  # fmt: skip
    return _report(data, source, compared, refused, conditions, left_out, where, fit_on, link or "identity")


def compare_tables(
    scores: pd.DataFrame,
    dataset: Dataset | str,
    link: str | None = None,
    *,
    where: Mapping[str, Any] | None = None,
    fit_on: Mapping[str, Any] | None = None,
    stand_in: str = "model",
    seed: int = 0,
) -> Report:
    """Hold scores that come from elsewhere against what people did: of a model of one's own, or of other people.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``subject``, the factors of the data set, ``score``; optionally ``model``, to compare several.
    dataset : Dataset or str
    link : {"identity", "logistic"}, optional
        ``identity`` by default.
    where, fit_on : mapping, optional
        See `compare`.
    stand_in : {"model", "people"}
        What the subjects are. Other people are a second sample, whose error is their own; simulated subjects add the
        error of a simulation to that of a second sample. See `distance`.
    seed : int
        Of bootstrap intervals.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        Columns or conditions are missing, scores are no proportions, or there is one subject only.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.data.behaviour import Dataset
    >>> people = pd.DataFrame({"position": [1, 2, 3], "mean": [0.9, 0.5, 0.7], "low": [0.8, 0.4, 0.6],
    ...                        "high": [1.0, 0.6, 0.8], "se": [0.05] * 3, "n": [20] * 3})
    >>> data = Dataset("ours", about="", citation="", doi=None, source="", licence="", measure="proportion correct",
    ...                scoring="free", output_order="free", chance=0.0, needs=(), protocols=(), factors=("position",),
    ...                conditions=people, ordinal=(), cannot_show="")
    >>> scores = pd.DataFrame({"subject": [0, 0, 0, 1, 1, 1], "position": [1, 2, 3] * 2,
    ...                        "score": [0.95, 0.5, 0.7, 0.85, 0.4, 0.6]})
    >>> report = compare_tables(scores, data)
    >>> round(report.json()["rmsd"], 3), report.json()["within_ci"]
    (0.041, 1.0)
    """
    data = _dataset(dataset)
    _check_link(link, fit_on, data)
    if stand_in not in ("model", "people"):
        raise ValueError(f'stand_in is "{stand_in}"; expected model or people.{nearest(stand_in, ("model", "people"))}')
    chosen_conditions(data, where or {})  # says what is wrong with the choice
    require_columns(scores, ("subject", *data.factors, "score"), "scores")
    values = pd.to_numeric(scores["score"], errors="coerce")
    words = scores.loc[values.isna() & scores["score"].notna(), "score"]
    if len(words):
        raise ValueError(f"scores: found {words.iloc[0]!r} in row {words.index[0]}; expected numbers, or NaN for none")
    if not values.dropna().between(0, 1).all() and data.measure.startswith("proportion"):
        raise ValueError(f"scores reach from {values.min():g} to {values.max():g}; expected proportions from 0 to 1")
    keys = ["model", "subject"] if "model" in scores.columns else ["subject"]
    if scores.duplicated([*keys, *data.factors]).any():
        raise ValueError("a subject has several scores in one condition; average over them first")
    if scores["subject"].isna().any():
        raise ValueError("a score has no subject; expected whose score it is in every row")
    scores = scores.assign(score=values)
    groups = scores.groupby("model", sort=False) if "model" in scores.columns else [(stand_in, scores)]
    chosen = {str(name): plain_factors(table, data) for name, table in groups}
    conditions, left_out = shared_conditions(chosen, data, where or {}, None)
    compared = {
        name: compare_model(
            wide_scores(table, conditions, data, name), conditions, data, link or "identity", Subjects(),
            fitted=fitted_conditions(conditions, data, link, fit_on), seed=seed, people=stand_in == "people",
        )
        for name, table in chosen.items()
    }  # fmt: skip
    return _report(data, None, compared, {}, conditions, left_out, where, fit_on, link or "identity")


def _report(
    data: Dataset, source: Source | None, compared: dict[str, ModelComparison], refused: dict[str, str],
    conditions: pd.DataFrame, left_out: list[str], where: Mapping[str, Any] | None, fit_on: Mapping[str, Any] | None,
    link: str,
) -> Report:  # fmt: skip
    notes = [*_choice(data, where or {}, len(conditions)), *left_out]
    if source and source.status != "complete":
        notes.append(f"the run is {source.status}: subjects and tests that are not written yet are not in the scores")
    if source and not source.declared and data.protocols:
        notes.append(
            f"the protocol {source.protocol} is none of those that reproduce the experiment: "
            f"{', '.join(data.protocols)}"
        )
    baseline = flat_mean(conditions, data, fitted_conditions(conditions, data, link, fit_on))
    return Report(
        dataset=data, source=source, link=link, where=dict(where or {}), fit_on=dict(fit_on or {}),
        models=compared, refused=refused, flat=baseline, notes=tuple(notes),
    )  # fmt: skip


def _choice(data: Dataset, where: Mapping[str, Any], chosen: int) -> list[str]:
    """What was chosen among people's conditions and among the model's tests, in words."""
    if not where:
        return []
    notes = [f"where {in_words(where)}: {chosen} of the data set's {len(data.conditions)} conditions"]
    if others := [factor for factor in where if factor not in data.factors]:
        notes.append(
            f"of the model's tests alone were chosen by {', '.join(others)}, which the data set does not tell apart: "
            "people's means are over all that it has"
        )
    return notes


def _dataset(dataset: Dataset | str) -> Dataset:
    from ...data.behaviour import dataset as shipped

    return shipped(dataset) if isinstance(dataset, (str, os.PathLike)) else dataset


def _check_link(link: str | None, fit_on: Mapping[str, Any] | None, data: Dataset) -> None:
    if link is not None and link not in LINKS:
        raise ValueError(f'the link "{link}" is unknown; expected {one_of(LINKS)}.{nearest(link, LINKS)}')
    if link == "logistic" and is_effect_size(data.measure):
        raise ValueError(f'the means of "{data.name}" are effect sizes, which a link to probabilities has no part in')
    if fit_on and link != "logistic":
        raise ValueError("fit_on names conditions to fit a link on, and identity has nothing to fit; say link logistic")


def _why_not(name: str, info: ModelInfo, measure: str, data: Dataset, link: str | None) -> str:
    """Why a model cannot be held against a data set; empty where it can."""
    lacking = [ability for ability in data.needs if ability not in info.abilities]
    if lacking:
        return (
            f'the model "{name}" lacks the {"ability" if len(lacking) == 1 else "abilities"} '
            f'{", ".join(lacking)}, without which a comparison with "{data.name}" would be empty; '
            f"it has {', '.join(sorted(info.abilities)) or 'none beyond learning and recognition'}"
        )
    if is_effect_size(data.measure):
        return ""  # of whatever the model is scored by
    if not recalls_items(data, info.abilities) and link != "logistic":
        return (
            f'the model "{name}" is scored by {measure} (chance {info.chance:.3g}), and people by {data.measure} '
            f"(chance {data.chance:.3g}): one is not laid over the other as it is; name a link that "
            "maps it, link logistic"
        )
    return ""
