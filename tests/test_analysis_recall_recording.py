"""The measures of recall on a recording: what a session scored itself is what they make of the responses."""

import numpy as np
import pytest

import engram as eg
from engram.analysis import error_shares, lag_crp, score_recalls
from engram.models.ordered.presets import positional
from engram.sim import simulator
from engram.sim.ordered.simulator import OrderedSimulator

PROTOCOL = """
name: two-lists
items: {{set: patterns, count: 12, lists: {{count: 2, size: 6}}}}
schedule:
  - each: list
    phases:
      - wake: {{present: current}}
      - probe: {{of: current, kind: recall, scoring: {scoring}}}
"""


@pytest.fixture(scope="module", params=["strict", "item", "free"])
def recorded(request, tmp_path_factory):
    protocol = eg.Protocol.from_yaml(PROTOCOL.format(scoring=request.param))
    path = tmp_path_factory.mktemp("recall") / "recall.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simulator._registered, "ordered", OrderedSimulator)
        run = eg.run(protocol, models={"positional": positional()}, subjects=4, seed=3, out=path)
    return request.param, run


def test_scores_are_those_of_the_session(recorded):
    scoring, run = recorded
    recalls, studied = run.recalls("positional"), run.studied("positional")
    scored = score_recalls(recalls, studied, scoring)
    assert len(scored) == 4 * 12
    performance = run.performance().sel(model="positional")
    trial_of_probe = {phase: trial for trial, phase in recalls.groupby("trial")["phase"].first().items()}
    for probe, phase in enumerate(performance["phase"].values):
        own = scored[scored["trial"] == trial_of_probe[int(phase)]]
        table = own.pivot(index="subject", columns="item", values="correct")
        answered = performance.isel(probe=probe).sel(subject=table.index, item=table.columns)
        np.testing.assert_array_equal(table.to_numpy(), answered.values)


def test_kinds_and_order_count_what_came_out(recorded):
    scoring, run = recorded
    recalls, studied = run.recalls("positional"), run.studied("positional")
    assert lag_crp(recalls, studied)["actual"].sum() > 0
    if scoring != "free":
        shares = error_shares(recalls, studied)
        counted = shares.groupby("error_type")["share"].sum() * 2  # lists
        kinds = recalls["error_type"].value_counts().reindex(counted.index, fill_value=0)
        np.testing.assert_allclose(counted, kinds)
