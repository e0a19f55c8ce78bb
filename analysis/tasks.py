"""Which items are learned together: the tasks of a stream."""

from __future__ import annotations

import pandas as pd

from .probes import require_columns

POISONING = "poisoning"
TASK_COLUMNS = ("subject", "task", "name", "item", "start", "until")


def tasks_of(presentations: pd.DataFrame, phases: pd.DataFrame) -> pd.DataFrame:
    """Tasks of a protocol that teaches items group by group.

    A task is a run of wake steps under one list; without lists, a single wake step that teaches several items at once.
    Its items are those that it is the first to present. A run that presents nothing new belongs to the task before it,
    and poisoning (wake steps labelled so) to none. Where every run presents the same items under another name, the runs
    are domains: each is a task, and all of them share their items.

    Parameters
    ----------
    presentations : pandas.DataFrame
        Columns ``subject``, ``phase``, ``order``, ``item``, as a recording's ``presentations()`` gives it.
    phases : pandas.DataFrame
        The timeline: columns ``index``, ``kind``, ``label``, ``list``, as ``phases()`` gives it.

    Returns
    -------
    pandas.DataFrame
        ``subject``, ``task`` (from 1), ``name`` (of the list or domain; empty without one), ``item``, ``start``
        (the task's first step) and ``until`` (the step with which the next task or poisoning begins, or the number of
        steps). No rows where the protocol has fewer than two tasks.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import tasks_of
    >>> presentations = pd.DataFrame({"subject": 0, "phase": [0, 0, 2, 2], "order": [0, 1, 0, 1], "item": [2, 1, 3, 4]})
    >>> lists = ["a", "a", "b", "b"]
    >>> phases = pd.DataFrame({"index": range(4), "kind": ["wake", "probe"] * 2, "label": "", "list": lists})
    >>> tasks_of(presentations, phases)
       subject  task name  item  start  until
    0        0     1    a     1      0      2
    1        0     1    a     2      0      2
    2        0     2    b     3      2      4
    3        0     2    b     4      2      4
    """
    require_columns(presentations, ("subject", "phase", "order", "item"), "presentations")
    require_columns(phases, ("index", "kind", "label", "list"), "phases")
    timeline = phases.set_index("index")
    wakes = timeline[timeline["kind"] == "wake"]
    poisoned = wakes.index[wakes["label"] == POISONING]
    end = int(poisoned[0]) if len(poisoned) else len(phases)
    taught = presentations[presentations["phase"] < end].sort_values(["subject", "phase", "order"], kind="stable")
    firsts = taught.drop_duplicates(["subject", "item"])
    subjects = presentations["subject"].nunique()
    new = {}  # step -> items that it is the first to present, to every subject
    for step in map(int, firsts["phase"].unique()):
        rows = firsts[firsts["phase"] == step]
        if rows["subject"].nunique() == subjects:
            new[step] = len(rows) // subjects
    runs = _runs(wakes.loc[[step for step in wakes.index if step < end and step in set(taught["phase"])]])
    starts = [steps for steps in runs if any(step in new for step in steps)]
    if _are_domains(runs, wakes, taught):
        own = {steps[0]: taught[taught["phase"].isin(steps)].drop_duplicates(["subject", "item"]) for steps in runs}
    elif all(wakes["list"][steps[0]] or new.get(steps[0], 0) > 1 for steps in starts):
        own = {steps[0]: firsts[firsts["phase"].isin(steps)] for steps in starts}
    else:
        own = {}
    if len(own) < 2:
        return pd.DataFrame({name: pd.Series(dtype=object if name == "name" else int) for name in TASK_COLUMNS})
    begins = list(own)
    parts = [
        rows[["subject", "item"]].assign(task=task, name=wakes["list"][start], start=start, until=until)
        for task, ((start, rows), until) in enumerate(zip(own.items(), [*begins[1:], end], strict=True), 1)
    ]
    table = pd.concat(parts).sort_values(["subject", "task", "item"], ignore_index=True)
    return table[list(TASK_COLUMNS)]


def share_items(table: pd.DataFrame) -> bool:
    """Whether tasks have items in common, as domains have."""
    return bool(table.duplicated(["subject", "item"]).any())


def _runs(wakes: pd.DataFrame) -> list[list[int]]:
    runs: list[list[int]] = []
    before = ""
    for step, name in zip(wakes.index.tolist(), wakes["list"], strict=True):
        if name and name == before:
            runs[-1].append(step)
        else:
            runs.append([step])
        before = name
    return runs


def _are_domains(runs: list[list[int]], wakes: pd.DataFrame, taught: pd.DataFrame) -> bool:
    names = {wakes["list"][steps[0]] for steps in runs}
    if len(names) < 2 or "" in names:
        return False
    items_by_step = taught.groupby(["subject", "phase"])["item"].agg(frozenset)
    for _, by_phase in items_by_step.groupby("subject"):
        sets = {frozenset().union(*by_phase.droplevel("subject").reindex(steps).dropna()) for steps in runs}
        if len(sets) > 1:
            return False
    return True
