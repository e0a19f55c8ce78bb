"""The examples run from top to bottom, with smaller constants, and show what they say they show."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import engram as eg
from engram.data import item_sets
from engram.models import registry
from engram.sim import running, simulator

REGISTERS = (item_sets, "_registered"), (simulator, "_registered"), (registry, "_presets"), (registry, "_kinds")
FOLDER = Path(__file__).parent.parent / "examples"


@pytest.fixture
def run_example(tmp_path, monkeypatch):
    """Run an example in an empty folder with other constants; what it registers is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    for module, name in REGISTERS:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))

    def run(name, **constants):
        names = {"__name__": constants.pop("__name__", name.removesuffix(".py"))}
        tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"), filename=name)
        assigned = {
            node.targets[0].id: node
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for constant, value in constants.items():
            assigned[constant].value = ast.copy_location(ast.parse(repr(value), mode="eval").body, assigned[constant])
        exec(compile(ast.fix_missing_locations(tree), name, "exec"), names)
        return names

    return run


@pytest.fixture
def few_images(monkeypatch):
    """Protocols of the library with few images of each item."""
    load = running.load

    def load_smaller(name):
        protocol = load(name)
        return protocol.model_copy(update={"items": protocol.items.model_copy(update={"train": 12, "test": 8})})

    monkeypatch.setattr(running, "load", load_smaller)


LONGEST = {"own_model.py": 60, "two_stage_in_plain_brian2.py": 90, "vogels2011.py": 150}  # code lines


def test_every_example_is_tested_and_short():
    here = Path(__file__).read_text(encoding="utf-8")
    for path in FOLDER.glob("*.py"):
        assert f'run_example("{path.name}"' in here
        assert code_lines(path.read_text(encoding="utf-8")) < LONGEST.get(path.name, 70), path.name


def code_lines(text):
    """Lines of a script that are neither empty, nor comments, nor docstrings."""
    silent = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            silent |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and k not in silent for k, line in lines)


def test_hebb_repetition(run_example, few_images, tmp_path, capsys):
    performance = run_example("hebb_repetition.py", SUBJECTS=2)["performance"]
    assert performance.sizes == {"model": 2, "subject": 2, "probe": 100, "item": 10}
    weakest = performance.sel(model="hybrid").isel(probe=[9, 89]).min("item").mean("subject").values
    printed = capsys.readouterr().out
    hybrid = [line.split() for line in printed.splitlines() if " hybrid " in line]
    assert float(hybrid[0][3]) == pytest.approx(weakest[0], abs=1e-5)
    assert float(hybrid[8][3]) == pytest.approx(weakest[1], abs=1e-5)
    assert (tmp_path / "runs/hebb.png").stat().st_size > 10_000


def test_sensitivity(run_example, few_images, tmp_path):
    names = run_example("sensitivity.py", SUBJECTS=2, KAPPAS=(0.5, 2.0), EPOCHS=1)
    used = names["run"].subjects().pivot(index="subject", columns="model", values="sensitivity")
    # The first item is learned with open gates, so kappa alone makes the difference.
    np.testing.assert_allclose(used["kappa-2"] / used["kappa-0.5"], 4.0, rtol=1e-5)
    assert (tmp_path / "runs/sensitivity.png").exists()


def test_own_protocol(run_example, tmp_path, capsys):
    names = run_example("own_protocol.py", SUBJECTS=3)
    assert eg.Protocol.from_yaml((tmp_path / "runs/interference.yaml").read_text()) == names["protocol"]
    # h5py and engram read the same numbers.
    for model, kept in names["table"].groupby("model")["kept"].mean().items():
        (line,) = [line for line in capsys_lines(capsys, names) if line.startswith(f"{model}:")]
        assert f"{kept:.2f} after it" in line


def capsys_lines(capsys, names):
    names.setdefault("printed", capsys.readouterr().out)
    return names["printed"].splitlines()


def test_own_model(run_example):
    names = run_example("own_model.py", SUBJECTS=3)
    final = eg.analysis.final_performance(names["run"].performance())
    by_place = final.groupby(["model", "item"])["performance"].mean()
    # Chance is .1. Where nothing fades all gratings are known; fading costs the first ones and spares the last ones.
    assert by_place["lasting"].min() > 0.85
    assert by_place["fading"].loc[:3].mean() < by_place["fading"].loc[8:].mean() - 0.3


def test_own_model_resumes_to_the_same_bits(run_example, tmp_path, contents):
    names = run_example("own_model.py", SUBJECTS=2)

    class Stop(eg.sim.progress.Reporter):
        left = 4

        def work(self, *arguments):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    options = {"subjects": 2, "items": "gratings", "out": "runs/again.h5", "checkpoint_every": 0}
    with pytest.raises(KeyboardInterrupt):
        eg.run("serial-position-10", names["models"], reporter=Stop(), **options)
    eg.resume("runs/again.h5")
    whole, again = contents(tmp_path / "runs/own.h5"), contents(tmp_path / "runs/again.h5")
    assert whole == again


def test_mixed_stability_in_torch(run_example, capsys):
    run_example("mixed_stability_in_torch.py", SEEDS=(1,))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    scores = {name: [float(value) for value in numbers] for name, _, *numbers in rows}
    assert all(scores[name][0] > 0.85 for name in scores)  # both learn the digits as they are
    # The hybrid network keeps more of them while it learns the turned ones, and learns those less well.
    assert scores["hybrid"][1] > scores["conventional"][1] + 0.1
    assert scores["hybrid"][2] < scores["conventional"][2]


def test_wake_and_sleep(run_example, tmp_path):
    names = run_example("wake_and_sleep.py", SUBJECTS=1, BUDGETS=("2kB", "8kB"))
    last = names["table"].pivot(index="model", columns="budget", values="last")
    assert (last[8000] > last[2000]).all()
    assert (names["table"]["bytes"] <= names["table"]["budget"]).all()
    # Who answers by replay alone does not miss the store; who recognises by it does, and the cortex still knows most.
    lesioned = names["lesioned"]
    assert lesioned.loc["er", "hippocampus"] == lesioned.loc["er", "none"]
    assert 0.5 < lesioned.loc["braincl", "hippocampus"] < lesioned.loc["braincl", "none"]
    assert (tmp_path / "runs/digits-in-tasks.png").stat().st_size > 10_000


def test_gates(run_example, tmp_path):
    names = run_example("gates.py")
    axes = names["left"]
    # The gate at a distance of .1 by hand: 1 - tanh²(10 · (1 - f) / f · .1).
    for line, f in zip(axes.get_lines(), names["FLEXIBILITIES"], strict=True):
        expected = 1 - np.tanh(10 * (1 - f) / f * 0.1) ** 2
        assert np.interp(0.1, line.get_xdata(), line.get_ydata()) == pytest.approx(expected, abs=1e-4)
    assert (tmp_path / "runs/gates.png").stat().st_size > 10_000


def test_serial_position(run_example, tmp_path):
    names = run_example("serial_position.py", SUBJECTS=2)
    by_item = names["final"].groupby(["model", "item"])["performance"].mean()
    assert by_item["conventional", 10] > by_item["conventional"].loc[:9].max()  # recency
    assert by_item["stable", 1] > by_item["stable"].loc[2:].max()  # primacy
    assert by_item["conventional", 1] < by_item["hybrid", 1] < by_item["stable", 1]
    assert (tmp_path / "runs/serial_position.png").stat().st_size > 10_000


def test_timeline(run_example, tmp_path):
    names = run_example("timeline.py")
    steps = [step.kind for step in names["timeline"]]
    assert steps == ["wake"] * 8 + ["probe", "sleep", "wake", "probe", "sleep", "probe"]
    drawn = np.concatenate([line.get_ydata() for line in names["ax"].get_lines()])
    assert np.bincount(drawn)[1:].tolist() == [2] * 8  # every item twice
    assert (tmp_path / "runs/timeline.png").stat().st_size > 5_000


def test_tasks(run_example, tmp_path):
    names = run_example("tasks.py", SUBJECTS=1)
    last = eg.analysis.accuracy_on_seen(names["performance"], names["taught"]).isel(after=-1, subject=0)
    assert last.sel(model="er") > last.sel(model="finetune") + 0.2
    assert last.sel(model="finetune") < 0.35  # two of ten classes at the most, and some luck
    assert (tmp_path / "runs/tasks.png").stat().st_size > 10_000


def test_two_stage_drawn(run_example, tmp_path, capsys):
    names = run_example("two_stage_drawn.py")
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert shown == [projection.name for projection in names["circuit"].projections]
    assert (tmp_path / "runs/two_stage_drawn.png").stat().st_size > 10_000


def test_serial_recall(run_example, tmp_path):
    names = run_example("serial_recall.py", SUBJECTS=10)
    for table in (names["curves"], names["people"]):
        mean = table.set_index(["list_length", "position"])["mean"]
        assert mean[6, 1] > mean[6, 4]  # primacy
        assert mean[12, 12] > mean[12, 9]  # recency
        assert mean[6].mean() > mean[12].mean()
    assert (tmp_path / "runs/serial_recall.png").stat().st_size > 10_000


def test_order_errors(run_example, tmp_path):
    names = run_example("order_errors.py", SUBJECTS=10)
    gradient = eg.analysis.transposition_gradient(*names["of_length"])
    moved = gradient.assign(far=gradient["displacement"].abs()).groupby("far")["prob"].mean()
    assert moved[1] > moved[2] > moved[4]
    assert (tmp_path / "runs/order_errors.png").stat().st_size > 10_000


def test_free_recall(run_example, tmp_path):
    names = run_example("free_recall.py", SUBJECTS=10)
    tables = names["recalls"], names["studied"]
    crp = eg.analysis.lag_crp(*tables).groupby("lag")["prob"].mean()
    assert crp[1] > crp[-1] > crp[-5]
    first = eg.analysis.first_recall(*tables).groupby("position")["prob"].mean()
    assert first.idxmax() == 12
    assert (tmp_path / "runs/free_recall.png").stat().st_size > 10_000


def test_forgetting_curve(run_example, tmp_path):
    means = run_example("forgetting_curve.py", SUBJECTS=15)["means"]
    recall = means.pivot(index="delay", columns="model", values="mean")
    assert (recall.iloc[0] >= recall.iloc[-1]).all()
    # Decades of time in which recall falls from .8 to .2.
    late, early = (
        {name: np.interp(level, recall[name][::-1], np.log10(recall.index)[::-1]) for name in ("mixed", "stable")}
        for level in (0.2, 0.8)
    )
    assert late["mixed"] - early["mixed"] > 1.3 * (late["stable"] - early["stable"])
    assert (tmp_path / "runs/forgetting_curve.png").stat().st_size > 10_000


def test_human_data(run_example, tmp_path, capsys):
    names = run_example("human_data.py")
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(names["SHOWN"])
    hebb = names["axes"].flat[0].get_lines()
    assert {line.get_label() for line in hebb} == {"filler", "repeated"}
    assert all(len(line.get_xdata()) == 16 for line in hebb)
    assert (tmp_path / "runs/human_data.png").stat().st_size > 10_000


def test_hebb_and_people(run_example, tmp_path, capsys):
    names = run_example("hebb_and_people.py", SUBJECTS=8)
    told = names["report"].json()["models"]
    assert set(told) == {"mixed", "flexible", "stable"}
    assert told["mixed"]["ordinal"]["hebb slope above filler slope"]["passed"]
    assert f"{told['mixed']['rmsd_over_replication']:.2f} replications from people" in capsys.readouterr().out
    assert (tmp_path / "runs/hebb_and_people.png").stat().st_size > 10_000


def test_swept_noise(run_example, tmp_path):
    names = run_example("swept_noise.py", SUBJECTS=6, NOISE=[0.0, 0.16])
    score = names["means"].set_index(["threshold", "noise"])["mean"]
    assert score[0.1, 0.0] > score[0.1, 0.16]  # noise hurts
    assert score[0.1, 0.0] > score[0.5, 0.0]  # and so does keeping silent
    assert (tmp_path / "runs/swept_noise.png").stat().st_size > 10_000


@pytest.fixture
def nothing_compiled(monkeypatch):
    """Circuits run on NumPy, which is quicker for so short a time."""
    from engram.sim import circuit_network

    monkeypatch.setattr(circuit_network, "runnable", lambda target: "numpy")


@pytest.mark.slow
def test_consolidation(run_example, nothing_compiled, monkeypatch, tmp_path, capsys):
    load = running.load

    def load_shorter(name):
        whole = load(name)
        night = whole.schedule[2].model_copy(update={"repeat": 1})
        items = whole.items.model_copy(update={"count": 3})
        return whole.model_copy(update={"items": items, "schedule": (*whole.schedule[:2], night)})

    monkeypatch.setattr(running, "load", load_shorter)
    run_example("consolidation.py", SUBJECTS=1, __name__="__main__")
    assert (tmp_path / "runs/consolidation.png").stat().st_size > 10_000
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("hippocampus ")]
    assert float(rows[0][2]) < 0.65  # before sleep


@pytest.mark.slow
def test_one_night(run_example, nothing_compiled, capsys):
    names = run_example("one_night.py", SUBJECTS=1, COUNT=3, NIGHT="90 min")
    recall = names["recall"].set_index(["night", "lesion"])["recall"]
    assert recall[0, "none"] > 0.85
    assert recall[0, "hippocampus"] < 0.6
    assert recall[1, "hippocampus"] > recall[0, "hippocampus"]
    rates = {stage: float(hz) for stage, hz in re.findall(r"^(\w+): ([\d.]+) Hz$", capsys.readouterr().out, re.M)}
    assert set(rates) == {"exposure", "gap", "cue", "reset", "nrem", "rem"}
    assert rates["reset"] < 0.1 < rates["nrem"]
    # The stages tile the whole time, so that they hold every spike.
    length = names["segments"].eval("stop - start").groupby(names["segments"]["stage"]).sum()
    counted = sum(rates[stage] * seconds for stage, seconds in length.items()) * 300
    assert counted == pytest.approx(len(names["times"]), rel=0.05)


@pytest.mark.slow
def test_lesion(run_example, nothing_compiled, capsys):
    run_example("lesion.py", SUBJECTS=1, COUNT=3, NIGHTS=("none", "H-C"), CYCLES=2)
    found = re.findall(r"silent at night: (\S+); .*'none': ([\d.]+), 'hippocampus': ([\d.]+)", capsys.readouterr().out)
    recall = {part: (float(intact), float(lesioned)) for part, intact, lesioned in found}
    assert recall["none"][0] > 0.8
    assert recall["none"][1] > recall["H-C"][1] + 0.1  # nothing reaches the cortex while H-C is silent
    assert recall["H-C"][1] < 0.6


@pytest.fixture
def brian2_as_before():
    """What a plain script sets for all of Brian2 is set back."""
    import brian2

    target, dt = brian2.prefs.codegen.target, brian2.defaultclock.dt
    yield
    brian2.prefs.codegen.target, brian2.defaultclock.dt = target, dt


@pytest.mark.slow
def test_two_stage_in_plain_brian2(run_example, brian2_as_before, capsys):
    run_example("two_stage_in_plain_brian2.py", ITEMS=3, NIGHTS=1, NIGHT=6.0)
    scores = re.findall(r"intact ([\d.]+), lesioned ([\d.]+)", capsys.readouterr().out)
    (intact, before), (_, after) = [[float(score) for score in row] for row in scores]
    assert intact > 0.8  # the hippocampus has the items
    assert before < 0.65  # the cortex has not yet
    assert after > before + 0.1  # it has after a night of replay


@pytest.mark.slow
def test_vogels2011(run_example, tmp_path):
    seconds = {"A": 0.1, "B": 2.5, "C": 0.3, "D": 2.0, "E": 0.5, "after": 0.1}
    names = run_example("vogels2011.py", CELLS=800, LEARNING=0.5, SECONDS=seconds, TARGET="numpy")
    table = names["table"]
    assert table["A"]["others"] > 100
    assert table["B"]["others"] < 30
    assert table["C"]["first"] > 2 * table["C"]["others"]
    assert table["E"]["first"] > 2 * table["E"]["second"]  # cells that are not cued themselves
    assert (tmp_path / "runs/vogels2011.png").stat().st_size > 10_000


def test_own_circuit(run_example, tmp_path, capsys):
    names = run_example("own_circuit.py", DURATION="1 s", TARGET="numpy")
    rates = names["result"].rates["E"]
    assert rates[:40].mean() > 1.3 * rates[40:].mean()  # the ensemble that is driven twice as much
    printed = capsys.readouterr().out
    for stable, flexible in re.findall(r"([\d.]+) of stable, ([\d.]+) of flexible", printed):
        assert float(stable) < float(flexible)
    assert (tmp_path / "runs/own_circuit.png").stat().st_size > 10_000
