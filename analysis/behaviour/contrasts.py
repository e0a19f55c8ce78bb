"""What a data set says of the order of its conditions, as one number for each subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from ...data.wording import nearest, one_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """A check's number for each subject.

    Attributes
    ----------
    values : ndarray, shape [subject]
        Difference of means, difference of slopes, or rank correlation; NaN where a subject lacks conditions.
    sides : tuple of ndarray or None
        The two means or slopes it is the difference of, each of shape [subject]; None of a rank correlation.
    sign : int
        1 where people's is positive, -1 where it is negative (``decreasing``).
    """

    values: Floats
    sides: tuple[Floats, Floats] | None
    sign: int


def contrast(kind: str, arguments: Mapping[str, Any], conditions: pd.DataFrame, scores: Floats) -> Contrast:
    """The number that an ordinal check is about, for each subject.

    Parameters
    ----------
    kind : str
        ``greater``: mean of the conditions `left` less that of `right`. ``slope-greater``: least-squares slope over a
        factor in `left` less that in `right`. ``increasing``, ``decreasing``: Spearman's correlation of a factor with
        the score. ``primacy``, ``recency``: first, or last, level of a factor less the mean of those between the two;
        where other factors differ among the conditions, the mean over their levels.
    arguments : mapping
        `left`, `right`, `where` (factor -> level or list of levels) and `over` (a factor).
    conditions : pandas.DataFrame
        One row per condition, one column per factor.
    scores : ndarray, shape [subject, condition]
        NaN where a subject lacks a condition.

    Returns
    -------
    Contrast

    Raises
    ------
    ValueError
        The kind is unknown, arguments are missing, or no condition fits them.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> conditions = pd.DataFrame({"position": [1, 2, 3]})
    >>> contrast("recency", {"over": "position"}, conditions, np.array([[0.5, 0.25, 0.75]])).values
    array([0.5])
    """
    if kind not in _KINDS:
        raise ValueError(
            f'an ordinal check has the kind "{kind}"; known kinds: {one_of(_KINDS)}.{nearest(kind, _KINDS)}'
        )
    scores = np.atleast_2d(np.asarray(scores, dtype=float))
    return _KINDS[kind](_Arguments(kind, arguments), conditions.reset_index(drop=True), scores)


def matching(conditions: pd.DataFrame, where: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which conditions have these levels; bool [condition].

    Examples
    --------
    >>> import pandas as pd
    >>> conditions = pd.DataFrame({"length": [6, 6, 8], "position": [1, 2, 1]})
    >>> matching(conditions, {"length": [6, 8], "position": 1})
    array([ True, False,  True])
    """
    mask = np.ones(len(conditions), dtype=bool)
    for factor, wanted in where.items():
        if factor not in conditions.columns:
            raise ValueError(
                f'the conditions have no factor "{factor}"; they have {one_of(conditions.columns)}.'
                f"{nearest(factor, conditions.columns)}"
            )
        levels = _each(wanted)
        column = conditions[factor]
        if pd.api.types.is_numeric_dtype(column):
            close = [np.isclose(column.to_numpy(dtype=float), _number(factor, level), rtol=1e-6) for level in levels]
            mask &= np.any(close, axis=0)
        else:
            mask &= column.astype(str).isin([str(level) for level in levels]).to_numpy()
    return mask


def unknown_levels(conditions: pd.DataFrame, where: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Levels that are asked for and that no condition has, each with its factor.

    Examples
    --------
    >>> import pandas as pd
    >>> unknown_levels(pd.DataFrame({"length": [6, 8]}), {"length": [6, 9]})
    [('length', 9)]
    """
    asked = [(factor, level) for factor, wanted in where.items() for level in _each(wanted)]
    return [(factor, level) for factor, level in asked if not matching(conditions, {factor: level}).any()]


def in_words(where: Mapping[str, Any]) -> str:
    """A choice of levels for a reader.

    Examples
    --------
    >>> in_words({"length": [6, 8], "modality": "visual"})
    'length 6, 8; modality visual'
    """
    return "; ".join(f"{factor} {', '.join(map(str, _each(wanted)))}" for factor, wanted in where.items())


def _each(wanted: Any) -> list[Any]:
    return list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]


@dataclass(frozen=True)
class _Arguments:
    kind: str
    given: Mapping[str, Any]

    def factor(self, conditions: pd.DataFrame) -> str:
        over = self.given.get("over")
        if over not in conditions.columns:
            raise ValueError(f'the check "{self.kind}" is over {over!r}; expected one of {one_of(conditions.columns)}')
        return str(over)

    def rows(self, side: str, conditions: pd.DataFrame) -> NDArray[np.int64]:
        where = self.given.get(side, {})
        rows = np.flatnonzero(matching(conditions, where))
        if not len(rows):
            raise ValueError(f"no condition with {_told(where)}")
        return rows

    def require(self, fewest: int, levels: Floats, over: str) -> None:
        if len(levels) < fewest:
            found = ", ".join(f"{level:g}" for level in levels)
            raise ValueError(f'"{self.kind}" needs {fewest} levels of "{over}" or more, found {found}')


def _greater(arguments: _Arguments, conditions: pd.DataFrame, scores: Floats) -> Contrast:
    left, right = (_mean(scores[:, arguments.rows(side, conditions)]) for side in ("left", "right"))
    return Contrast(left - right, (left, right), 1)


def _slope_greater(arguments: _Arguments, conditions: pd.DataFrame, scores: Floats) -> Contrast:
    over = arguments.factor(conditions)
    sides = []
    for side in ("left", "right"):
        levels, means = _by_level(conditions, scores, over, arguments.rows(side, conditions))
        arguments.require(2, levels, over)
        sides.append(_slope(levels, means))
    return Contrast(sides[0] - sides[1], (sides[0], sides[1]), 1)


def _trend(sign: int) -> Callable[[_Arguments, pd.DataFrame, Floats], Contrast]:
    def trend(arguments: _Arguments, conditions: pd.DataFrame, scores: Floats) -> Contrast:
        over = arguments.factor(conditions)
        levels, means = _by_level(conditions, scores, over, arguments.rows("where", conditions))
        arguments.require(2, levels, over)
        return Contrast(_spearman(levels, means), None, sign)

    return trend


def _end(last: bool) -> Callable[[_Arguments, pd.DataFrame, Floats], Contrast]:
    def end(arguments: _Arguments, conditions: pd.DataFrame, scores: Floats) -> Contrast:
        over = arguments.factor(conditions)
        rows = arguments.rows("where", conditions)
        others = [name for name in conditions.columns if name != over]
        chosen = conditions.iloc[rows]
        groups = chosen.groupby(others, sort=False).indices.values() if others else [np.arange(len(rows))]
        ends, middles = [], []
        for group in groups:
            levels, means = _by_level(conditions, scores, over, rows[group])
            arguments.require(3, levels, over)
            ends.append(means[:, -1 if last else 0])
            middles.append(_mean(means[:, 1:-1]))
        edge, middle = _mean(np.stack(ends, axis=1)), _mean(np.stack(middles, axis=1))
        return Contrast(edge - middle, (edge, middle), 1)

    return end


_KINDS: dict[str, Callable[[_Arguments, pd.DataFrame, Floats], Contrast]] = {
    "greater": _greater,
    "slope-greater": _slope_greater,
    "increasing": _trend(1),
    "decreasing": _trend(-1),
    "primacy": _end(last=False),
    "recency": _end(last=True),
}


def _by_level(conditions: pd.DataFrame, scores: Floats, over: str, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Levels of a factor in their order, and the mean score of each subject at each: [level], [subject, level]."""
    column = conditions[over].to_numpy()[rows]
    try:
        column = column.astype(float)
    except ValueError:
        raise ValueError(f'the levels of "{over}" are no numbers: {one_of(dict.fromkeys(column))}') from None
    levels = np.unique(column)
    means = np.stack([_mean(scores[:, rows[column == level]]) for level in levels], axis=1)
    return levels, means


def _mean(scores: Floats) -> Floats:
    """Mean over conditions of what each subject has; NaN where it has none."""
    there = np.isfinite(scores)
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, scores, 0).sum(axis=1) / np.where(count, count, np.nan))


def _slope(x: Floats, y: Floats) -> Floats:
    """Least-squares slope of each subject over the levels it has; NaN with fewer than two."""
    there = np.isfinite(y)
    centred = np.where(there, x - _mean(np.where(there, x, np.nan))[:, None], 0)
    spread = (centred**2).sum(axis=1)
    return np.asarray((centred * np.where(there, y, 0)).sum(axis=1) / np.where(spread > 0, spread, np.nan))


def _spearman(x: Floats, y: Floats) -> Floats:
    """Rank correlation of each subject over the levels it has; 0 where its scores are all alike."""
    there = np.isfinite(y)
    ranks_x = rankdata(np.where(there, x, np.nan), axis=1, nan_policy="omit")
    ranks_y = rankdata(np.where(there, np.round(y, 12), np.nan), axis=1, nan_policy="omit")
    dx, dy = (np.where(there, r - _mean(np.where(there, r, np.nan))[:, None], 0) for r in (ranks_x, ranks_y))
    norm = np.sqrt((dx**2).sum(axis=1) * (dy**2).sum(axis=1))
    rho = (dx * dy).sum(axis=1) / np.where(norm > 0, norm, 1)
    return np.asarray(np.where(there.sum(axis=1) >= 2, rho, np.nan))


def _told(where: Mapping[str, Any]) -> str:
    return ", ".join(f"{factor} {level}" for factor, level in where.items())


def _number(factor: str, level: object) -> float:
    try:
        return float(level)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f'the level {level!r} of "{factor}" is no number, as its other levels are') from None
