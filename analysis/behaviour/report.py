"""What a comparison with people says: as JSON types, as text, as a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .links import Link
from .model_comparison import CLOSE, Flat, Likelihood, ModelComparison
from .ordinal import OrdinalResult
from .yardstick import Distance

if TYPE_CHECKING:
    from ...data.behaviour import Dataset

YARDSTICK = (
    "RMSD ÷ the RMSD of a replication: √2 standard errors of people's means, and the simulation's own error. "
    "1 is as close as a second sample of people, .71 what a perfect model reaches"
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The recording that was compared.

    Attributes
    ----------
    path, protocol, status : str
    seed : int
    versions : mapping
        Of the packages that made it.
    declared : bool
        The data set names the protocol as one that reproduces the experiment.
    """

    path: str
    protocol: str
    status: str
    seed: int
    versions: Mapping[str, str]
    declared: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """A comparison with people.

    Attributes
    ----------
    dataset : Dataset
    source : Source or None
        None for scores that come from no recording.
    link : str
        ``identity`` or ``logistic``.
    where, fit_on : mapping
        The choice of conditions, and of those that a link was fitted on (empty: every second one).
    models : mapping of str to ModelComparison
        The first is the one that the report is about; the others are what it is compared with.
    refused : mapping of str to str
        Models of the recording that could not be compared, and why.
    flat : Flat
        The baseline that knows only people's mean.
    notes : tuple of str
        What a reader has to know: conditions that are left out, a run that is not complete.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> report = engram.analysis.compare("runs/hebb-and-fillers.h5", "page2006-hebb")  # doctest: +SKIP
    >>> report.passed, report.json()["rmsd_over_replication"]  # doctest: +SKIP
    (False, 3.2)
    """

    dataset: Dataset
    source: Source | None
    link: str
    where: Mapping[str, Any]
    fit_on: Mapping[str, Any]
    models: Mapping[str, ModelComparison]
    refused: Mapping[str, str]
    flat: Flat
    notes: tuple[str, ...]

    @property
    def main(self) -> str:
        """Name of the model that the report is about."""
        return next(iter(self.models))

    @property
    def passed(self) -> bool | None:
        """The model shows every order that people showed, and lies within 1.4 replications of their means.

        None where it shows every order and people's means have no error to measure the distance in.
        """
        return self.models[self.main].passed

    def json(self) -> dict[str, Any]:
        """The report in JSON types; what is not known is None.

        Returns
        -------
        dict
            ``dataset`` (name), ``dataset_info``, ``recording``, ``link``, ``where``, ``fit_on``, ``notes``,
            ``refused``; of the first model ``model``, ``passed``, ``rmsd``, ``bias``, ``replication``,
            ``rmsd_over_replication``, ``within_ci``, ``correlation``, ``ordinal`` (name -> ``passed``, ``statistic``,
            ``human``, ``p``, ``test``), ``effect_size`` (name of the check -> ``value``, ``low``, ``high``), ``onset``;
            ``models``: the same of every model, with ``subjects``, ``link_fit`` and ``conditions``; ``baselines``.
        """
        models = {name: _model_json(model) for name, model in self.models.items()}
        first = models[self.main]
        shown = {k: v for k, v in first.items() if k not in ("conditions", "subjects", "link")}
        data = self.dataset
        found = {
            "dataset": data.name,
            "dataset_info": {
                "about": data.about,
                "citation": data.citation,
                "doi": data.doi,
                "source": data.source,
                "licence": data.licence,
                "sha256": data.sha256,
                "measure": data.measure,
                "scoring": data.scoring,
                "output_order": data.output_order,
                "chance": data.chance,
                "cannot_show": data.cannot_show,
            },
            "recording": asdict(self.source) if self.source else None,
            "link": self.link,
            "where": dict(self.where),
            "fit_on": dict(self.fit_on) or ("every second condition" if self.link == "logistic" else None),
            "yardstick": YARDSTICK,
            "notes": list(self.notes),
            "refused": dict(self.refused),
            "model": self.main,
            **shown,
            "models": models,
            "baselines": {"flat": {"value": self.flat.value, **_likelihood_json(self.flat.likelihood)}}
            | {name: {} for name in list(self.models)[1:]},
        }
        found["baselines"]["flat"] |= asdict(self.flat.distance)
        for name in list(self.models)[1:]:
            found["baselines"][name] = {k: models[name][k] for k in ("rmsd", "rmsd_over_replication", "passed")}
        plain: dict[str, Any] = _plain(found)
        return plain

    def text(self) -> str:
        """The report as lines for a terminal."""
        from .report_text import report_text

        return report_text(self)

    def html(self) -> str:
        """The report as one self-contained page: figures within, nothing loaded from elsewhere."""
        from .report_page import report_page

        return report_page(self)


def _model_json(model: ModelComparison) -> dict[str, Any]:
    return {
        "passed": model.passed,
        **asdict(model.distance),
        **_likelihood_json(model.likelihood),
        "ordinal": {check.name: _check_json(check) for check in model.ordinal},
        "not_applicable": dict(model.not_applicable),
        "effect_size": {check.name: _effect_json(check) for check in model.ordinal},
        "onset": asdict(model.onsets) if model.onsets else None,
        "link_fit": _link_json(model.link, model.on_fitted),
        "subjects": {**asdict(model.subjects), "compared": model.compared},
        "conditions": model.points.to_dict(orient="records"),
    }


def _check_json(check: OrdinalResult) -> dict[str, Any]:
    return {
        "passed": check.passed,
        "statistic": check.statistic,
        "human": check.human,
        "p": check.p,
        "test": check.test,
        "kind": check.kind,
        "about": check.about,
    }


def _effect_json(check: OrdinalResult) -> dict[str, Any] | None:
    return asdict(check.effect_size) if check.effect_size else None


def _link_json(link: Link, on_fitted: Distance | None) -> dict[str, Any] | None:
    if not link.fitted:
        return None
    return {"a": link.a, "b": link.b, "formula": link.formula, "on_fitted": asdict(on_fitted) if on_fitted else None}


def _likelihood_json(likelihood: Likelihood | None) -> dict[str, Any]:
    return asdict(likelihood) if likelihood else dict.fromkeys(("log_likelihood", "bic", "trials", "held_out"))


def _plain(value: Any) -> Any:
    """JSON types only; NaN and infinities become None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def verdict(report: Report, name: str) -> str:
    """What a model shows and what it does not, in one sentence.

    Examples
    --------
    >>> verdict(report, "positional")  # doctest: +SKIP
    'shows 2 of 3 effects (not: hebb slope above filler slope); 3.20 replications from people'
    """
    model = report.models[name]
    failed = [check.name for check in model.ordinal if not check.passed]
    shown = f"shows {len(model.ordinal) - len(failed)} of {len(model.ordinal)} effects"
    if not model.ordinal:
        shown = "no effect of the data set can be checked here"
    if failed:
        shown += f" (not: {', '.join(failed)})"
    ratio = model.distance.rmsd_over_replication
    if ratio is None:
        rmsd = "" if math.isnan(model.distance.rmsd) else f", RMSD {model.distance.rmsd:.2f}"
        return f"{shown}{rmsd}; people's means have no error here, so there is no yardstick"
    if ratio <= CLOSE:
        return f"{shown}; as close to people as another sample would be ({ratio:.2f} replications)"
    return f"{shown}; {ratio:.2f} replications from people"
