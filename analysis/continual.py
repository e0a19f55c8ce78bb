"""Continual learning: what is known of each task after each task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from .probes import in_order, intact, probe_column, require_columns, require_dims
from .serial_position import chance_of_models
from .task_measures import Floats, average_incremental, bwt, forgetting, fwt, last, square
from .tasks import TASK_COLUMNS, share_items

SCORES = ("average_incremental", "last", "forgetting", "bwt", "fwt")


def accuracy_matrix(
    performance: xr.DataArray, tasks: pd.DataFrame, responses: xr.DataArray | None = None
) -> xr.DataArray:
    """Accuracy on each task after each task, a[t, i].

    Of every task, items are read at the last probe of the intact subject that asked for them before the next task
    begins. Accuracy is the share of all test images of a task's items that were named rightly, so that items count by
    their number of test images.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``phase`` of each probe.
    tasks : pandas.DataFrame
        See `tasks_of`.
    responses : xarray.DataArray, optional
        Counts of responses, dimensions (model, subject, probe, item, response), -1 where not asked for: they say how
        many test images an item has. Without them all items count alike.

    Returns
    -------
    xarray.DataArray, dims (model, subject, after, task)
        NaN where an item of the task was not asked for; coordinates ``name`` along task, ``chance`` along model.

    Raises
    ------
    TypeError, ValueError
        If a table is not such a table, there are no tasks, or tasks have items in common (domains), whose test images
        cannot be told apart: see `accuracy_on_seen`.

    References
    ----------
    Lopez-Paz & Ranzato (2017), NeurIPS 30, the matrix R.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import accuracy_matrix
    >>> table = pd.DataFrame({
    ...     "subject": 0, "task": [1, 1, 2], "name": ["a", "a", "b"], "item": [1, 2, 3], "start": [0, 0, 2],
    ...     "until": [2, 2, 4],
    ... })
    >>> nan = float("nan")
    >>> performance = xr.DataArray(
    ...     [[[[1.0, 0.5, nan], [0.5, 0.5, 1.0]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["er"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [1, 3])},
    ... )
    >>> accuracy_matrix(performance, table).values[0, 0]
    array([[0.75,  nan],
           [0.5 , 1.  ]])
    """
    if share_items(tasks):
        raise ValueError("the tasks have items in common (domains): their test images are not told apart by task")
    known, weights, own = _after_each_task(performance, tasks, responses)
    right = np.einsum("mstj,msj,sij->msti", np.nan_to_num(known), weights, own, optimize=True)
    images = np.einsum("msj,sij->msi", weights, own)[:, :, None]
    missing = np.einsum("mstj,msj,sij->msti", np.isnan(known), weights, own, optimize=True)
    return _labelled(_quotient(right, images, missing), performance, tasks)


def accuracy_on_seen(
    performance: xr.DataArray, tasks: pd.DataFrame, responses: xr.DataArray | None = None
) -> xr.DataArray:
    """Accuracy on all items seen so far after each task, A[t].

    Parameters
    ----------
    performance, tasks, responses
        As of `accuracy_matrix`; tasks may have items in common.

    Returns
    -------
    xarray.DataArray, dims (model, subject, after)
        NaN where an item seen so far was not asked for.

    Raises
    ------
    TypeError, ValueError
        If a table is not such a table, or there are no tasks.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import accuracy_on_seen
    >>> table = pd.DataFrame({
    ...     "subject": 0, "task": [1, 1, 2], "name": ["a", "a", "b"], "item": [1, 2, 3], "start": [0, 0, 2],
    ...     "until": [2, 2, 4],
    ... })
    >>> performance = xr.DataArray(
    ...     [[[[1.0, 0.5, float("nan")], [0.5, 0.5, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["er"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [1, 3])},
    ... )
    >>> accuracy_on_seen(performance, table).values[0, 0]
    array([0.75, 0.6 ])
    """
    known, weights, own = _after_each_task(performance, tasks, responses)
    seen = np.maximum.accumulate(own, axis=1)
    right = np.einsum("mstj,msj,stj->mst", np.nan_to_num(known), weights, seen)
    images = np.einsum("msj,stj->mst", weights, seen)
    missing = np.einsum("mstj,msj,stj->mst", np.isnan(known), weights, seen)
    return _labelled(_quotient(right, images, missing), performance, tasks)


def continual_scores(
    performance: xr.DataArray, tasks: pd.DataFrame, responses: xr.DataArray | None = None
) -> pd.DataFrame:
    """The measures of continual learning of every subject.

    Parameters
    ----------
    performance, tasks, responses
        As of `accuracy_matrix`.

    Returns
    -------
    pandas.DataFrame
        One row per model and subject: ``model``, ``subject``, ``average_incremental``, ``last``, ``forgetting``,
        ``bwt``, ``fwt``. NaN where something that a measure needs was not asked for or is not there yet; of domains,
        which share their items, the last three. ``fwt`` is NaN, too, for a model that names no item before it is
        taught: it has no output for it, and there is nothing to transfer to. Means over subjects with intervals:
        `mean_over_subjects`.

    Raises
    ------
    TypeError, ValueError
        If a table is not such a table, or there are no tasks.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import continual_scores
    >>> table = pd.DataFrame({
    ...     "subject": 0, "task": [1, 2], "name": ["a", "b"], "item": [1, 2], "start": [0, 2], "until": [2, 4],
    ... })
    >>> performance = xr.DataArray(
    ...     [[[[1.0, 0.0], [0.5, 0.75]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["er"], "subject": [0], "item": [1, 2], "phase": ("probe", [1, 3])},
    ... )
    >>> continual_scores(performance, table).round(3)
      model  subject  average_incremental   last  forgetting  bwt  fwt
    0    er        0                0.812  0.625         0.5 -0.5  NaN
    """
    seen = accuracy_on_seen(performance, tasks, responses)
    scores = {"average_incremental": average_incremental(seen), "last": last(seen)}
    if share_items(tasks):
        scores |= {name: np.full(seen.shape[:2], np.nan) for name in SCORES[2:]}
    else:
        matrix = accuracy_matrix(performance, tasks, responses)
        chance = np.array(list(chance_of_models(performance).values()))[:, None, None]
        unnamed = ~names_untaught(matrix)[:, None]
        scores |= {"forgetting": forgetting(matrix), "bwt": bwt(matrix)}
        scores["fwt"] = np.where(unnamed, np.nan, fwt(matrix, chance))
    index = pd.MultiIndex.from_product([seen["model"].values, seen["subject"].values], names=["model", "subject"])
    return pd.DataFrame({name: values.ravel() for name, values in scores.items()}, index=index).reset_index()


def names_untaught(matrix: xr.DataArray) -> NDArray[np.bool_]:
    """Whether a model ever named an item rightly before it was taught: bool [model]."""
    before = np.diagonal(square(matrix), offset=1, axis1=-2, axis2=-1)  # model, subject, task from the second
    return np.asarray((before > 0).any(axis=(1, 2)))


def _after_each_task(
    performance: xr.DataArray, tasks: pd.DataFrame, responses: xr.DataArray | None
) -> tuple[Floats, Floats, Floats]:
    """Performance after each task [model, subject, after, item], test images [model, subject, item], and which items
    belong to which task [subject, task, item]."""
    require_columns(tasks, TASK_COLUMNS, "tasks")
    if tasks["task"].nunique() < 2:
        raise ValueError("the protocol has no tasks: expected items that are taught in two groups or more, as lists")
    performance = in_order(performance)
    phase, whole = probe_column(performance, "phase"), intact(performance)
    windows = tasks.drop_duplicates("task").sort_values("task")
    known = np.full((*performance.shape[:2], len(windows), performance.shape[3]), np.nan)
    for place, (start, until) in enumerate(zip(windows["start"], windows["until"], strict=True)):
        for row in np.flatnonzero(whole & (phase > start) & (phase < until)):
            asked = performance.values[:, :, row]
            known[:, :, place] = np.where(np.isnan(asked), known[:, :, place], asked)
    own = np.zeros((performance.sizes["subject"], len(windows), performance.sizes["item"]))
    places = [
        pd.Index(labels).get_indexer(tasks[column])
        for column, labels in (
            ("subject", performance["subject"].values),
            ("task", windows["task"]),
            ("item", performance["item"].values),
        )
    ]
    there = np.all([place >= 0 for place in places], axis=0)
    own[tuple(place[there] for place in places)] = 1
    return known, _test_images(performance, responses), own


def _test_images(performance: xr.DataArray, responses: xr.DataArray | None) -> Floats:
    """How many test images each item has: [model, subject, item]; 1 where that was not recorded."""
    shape = (performance.sizes["model"], performance.sizes["subject"], performance.sizes["item"])
    images = np.full(shape, -1.0)
    if responses is not None:
        require_dims(responses, ("model", "subject", "probe", "item", "response"), "responses")
        counts = (
            responses.sum("response")
            .max("probe")
            .reindex({name: performance[name] for name in ("model", "subject", "item")}, fill_value=-1)
        )
        images = counts.transpose("model", "subject", "item").values.astype(float)
    return np.where(images < 0, 1.0, images)


def _quotient(right: Floats, images: Floats, missing: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((missing > 0) | (images == 0), np.nan, right / images)


def _labelled(values: Floats, performance: xr.DataArray, tasks: pd.DataFrame) -> xr.DataArray:
    windows = tasks.drop_duplicates("task").sort_values("task")
    dims = ("model", "subject", "after", "task")[: values.ndim]
    number = windows["task"].to_numpy()
    coords = {
        "model": performance["model"].values,
        "chance": ("model", list(chance_of_models(performance).values())),
        "subject": performance["subject"].values,
        "after": number,
        "name": (dims[-1], windows["name"].to_numpy(dtype=object)),
    }
    return xr.DataArray(values, dims=dims, coords={**coords, "task": number} if "task" in dims else coords)
