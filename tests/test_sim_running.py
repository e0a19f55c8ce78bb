"""Whole runs of the networks, and what is refused before or instead of them."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace
from typing import ClassVar

import h5py
import numpy as np
import pytest

from engram.data import child_rng, item_set
from engram.data.digits import DigitPairs
from engram.data.recording import RecordingWriter, open_recording
from engram.models import Fixed, MetaplasticNetwork
from engram.models.features import encode_pool
from engram.models.registry import model
from engram.protocols import Protocol
from engram.sim import Settings, Subjects, planning, resume, run
from engram.sim.checkpoint import checkpoint_path
from engram.sim.metaplastic_session import MetaplasticSession
from engram.sim.progress import Reporter

SMALL = {"hidden": (8,), "epochs_per_exposure": 2, "batch_size": 8}


@pytest.fixture
def tiny(tiny_text):
    return Protocol.from_yaml(tiny_text)


@pytest.fixture
def start(tmp_path, tiny):
    """A run of small networks; the recording's path is its name."""

    def run_tiny(name, models=None, **options):
        models = models or {"hybrid": MetaplasticNetwork(**SMALL)}
        options = {"subjects": 3, "seed": 5, "threads": 1, **options}
        return run(tiny, models, out=tmp_path / f"{name}.h5", **options)

    return run_tiny


class Stopping(Reporter):
    """Ends a run by an exception at the n-th piece of work."""

    def __init__(self, at):
        self.left = at

    def work(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def unfinished(start, name="run", at=10, **options):
    with pytest.raises(KeyboardInterrupt):
        start(name, checkpoint_every=0, reporter=Stopping(at), **options)


def test_the_recording_holds_what_the_session_returns(start, tiny):
    """A session driven by hand along the timeline, against the recording of a run."""
    from engram.protocols import unroll

    network = MetaplasticNetwork(**SMALL)
    recording = start("run", {"hybrid": network})
    timeline = unroll(tiny)
    pool = item_set("digit-pairs").pool(None)
    presentations = tuple(timeline.presentations(child_rng(5, "subject", k, "schedule")) for k in range(3))
    from engram.data.items import draw_items

    subjects = Subjects(
        numbers=(0, 1, 2),
        seed=5,
        pool=pool,
        draws=tuple(draw_items(pool, 3, 12, 6, child_rng(5, "subject", k, "items")) for k in range(3)),
        presentations=presentations,
    )
    session = MetaplasticSession(network, subjects, encode_pool(pool, network.encoder, None, "cpu"), Settings())
    performance, responses, trials, curves, snapshots = [], [], [], [], []
    for step in timeline.steps:
        if step.kind == "probe" or step.curve:
            asked = np.stack([timeline.probed(step, p) for p in presentations])
        if step.kind == "probe":
            answer = session.probe(step, asked)
            performance.append(answer.performance)
            responses.append(answer.counts)
            trials.append(answer.trials)
            continue
        for _ in session.wake(step):
            if step.curve:
                curves.append(session.probe(step, asked).performance)
        snapshots.append(session.weight_snapshot("hidden1"))
    np.testing.assert_array_equal(recording.performance().values[0], np.stack(performance, axis=1))
    np.testing.assert_array_equal(recording.responses().values[0], np.stack(responses, axis=1))
    np.testing.assert_array_equal(recording.learning_curves().values[0], np.stack(curves, axis=1))
    assert len(curves) == 6 * 2
    for k in range(3):
        np.testing.assert_array_equal(recording.snapshots("hybrid", k, "hidden1"), np.stack(snapshots)[:, k])
        with h5py.File(recording.path) as file:
            np.testing.assert_array_equal(file[f"models/hybrid/subjects/{k}/probes/trials"], np.stack(trials)[:, k])
    sensitivities = recording.subjects()["sensitivity"]
    assert sensitivities.tolist() == session.sensitivities().tolist()
    assert len(set(sensitivities)) == 3
    # curves and the probe after them agree, and what is counted is what was answered
    last_epochs = recording.learning_curves().values[0][:, 1::2]
    np.testing.assert_array_equal(recording.performance().values[0][:, :6], last_epochs)


def test_subjects_meet_the_same_under_every_model(start):
    recording = start(
        "run", {"small": MetaplasticNetwork(**SMALL), "large": MetaplasticNetwork(**{**SMALL, "hidden": (9,)})}
    )
    with h5py.File(recording.path) as file:
        for k in range(3):
            small, large = (file[f"models/{name}/subjects/{k}"] for name in ("small", "large"))
            assert small["items"][...].tolist() == large["items"][...].tolist()
            for column in small["presentations"]:
                assert small["presentations"][column][...].tolist() == large["presentations"][column][...].tolist()
        assert len({tuple(file[f"models/small/subjects/{k}/items"]) for k in range(3)}) == 3


def test_a_seed_fixes_every_bit_and_another_gives_another_run(start, contents):
    first, second, other = (contents(start(name, seed=seed).path) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert first == second
    assert first.keys() == other.keys()
    for part in ("items", "probes/trials", "weights/hidden1/snapshots"):
        assert first[f"models/hybrid/subjects/0/{part}"] != other[f"models/hybrid/subjects/0/{part}"]


def test_subjects_do_not_depend_on_how_many_are_simulated_together(start):
    """Bits may differ, since another product of matrices may round otherwise: weights agree to single precision."""
    alone, together = start("a", chunk=1), start("b", chunk=3)
    for k in range(3):
        for layer in ("hidden1", "output"):
            ours, theirs = (recording.snapshots("hybrid", k, layer) for recording in (alone, together))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)
    np.testing.assert_allclose(alone.performance(), together.performance(), rtol=0, atol=1 / 6 + 1e-6)
    more = start("c", subjects=4, chunk=4)
    np.testing.assert_array_equal(more.items().query("subject < 3")["name"], together.items()["name"])


@pytest.mark.parametrize(
    "settings",
    [
        {"flexibility": Fixed(1.0)},
        {"flexibility": Fixed(1.0), "sensitivity": 1e4},
        {"flexibility": Fixed(1.0), "gate_refresh": "step"},
        {"flexibility": Fixed(1.0), "rule": "rate", "rate": 1.0},
    ],
    ids=["auto", "sensitivity", "step", "rate"],
)
def test_without_stability_every_rule_is_ordinary_learning(start, settings):
    models = {"conventional": model("conventional", **SMALL), "hybrid": model("hybrid", **SMALL, **settings)}
    recording = start("run", models)
    one, other = (recording.performance(name).values for name in models)
    np.testing.assert_array_equal(one, other)
    for k in range(3):
        for layer in ("hidden1", "output"):
            one, other = (recording.snapshots(name, k, layer) for name in models)
            assert one.tobytes() == other.tobytes()


def test_sensitivities_that_are_given_are_recorded(start):
    models = {"given": MetaplasticNetwork(**SMALL, sensitivity=300.0), "none": model("conventional", **SMALL)}
    table = start("run", models).subjects()
    assert table["sensitivity"].tolist()[:3] == [300.0] * 3
    assert table["sensitivity"].isna().tolist()[3:] == [True] * 3


def test_a_loss_that_is_not_finite_stops_that_subject_only(start, monkeypatch):
    sound = start("sound")
    wake = MetaplasticSession.wake

    def poisoned(session, step):
        if step.index == 2:
            session._net.weights[0][1] = np.nan  # of the second subject
        return wake(session, step)

    monkeypatch.setattr(MetaplasticSession, "wake", poisoned)
    recording = start("run")
    table = recording.subjects()
    assert table["status"].tolist() == ["complete", "failed", "complete"]
    assert table["message"][1] == (
        "loss was not finite in phase 2 (repetition), presentation 1, epoch 1; lower learning_rate or the norm of the "
        "features"
    )
    assert recording.status == "complete"
    ours, theirs = recording.performance().values[0], sound.performance().values[0]
    np.testing.assert_array_equal(ours[[0, 2]], theirs[[0, 2]])
    np.testing.assert_array_equal(ours[1, 0], theirs[1, 0])
    assert np.isnan(ours[1, 1:]).all()


def test_a_model_that_diverges_fails_and_the_other_completes(start):
    models = {"wild": model("conventional", **SMALL, learning_rate=1e30), "tame": model("conventional", **SMALL)}
    recording = start("run", models)
    assert recording.status == "failed"
    assert recording.models["wild"].statuses == ("failed",) * 3
    assert recording.models["tame"].statuses == ("complete",) * 3
    assert recording.performance("tame").notnull().all()


# Refused before anything is simulated -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subjects": 0}, "subjects: found 0; expected a whole number from 1 to 100000"),
        ({"subjects": -3}, "subjects: found -3"),
        ({"subjects": 2.0}, "subjects: found 2.0"),
        ({"subjects": True}, "subjects: found True"),
        ({"subjects": 10**9}, "subjects: found 1000000000"),
        ({"seed": -1}, "seed: found -1; expected a whole number from 0"),
        ({"seed": 2**63}, "seed: found 9223372036854775808"),
        ({"threads": 0}, "threads: found 0"),
        ({"chunk": 0}, "chunk: found 0"),
        ({"items": "digit-pears"}, 'there is no item set "digit-pears". Did you mean "digit-pairs"?'),
        ({"device": "tpu"}, 'unknown device "tpu"; expected cpu, cuda, or cuda:N'),
        ({"device": "cuda:99"}, r'device "cuda:99" is not there: torch sees \d+ CUDA devices; try cpu'),
        ({"device": "meta"}, 'device "meta" is not supported'),
        ({"models": {}}, "models: none given"),
        ({"models": "hybird"}, 'unknown model "hybird".* Did you mean "hybrid"?'),
        ({"models": ["hybrid", "hybrid"]}, "each model can be run once"),
        ({"models": {"a/b": MetaplasticNetwork()}}, "a/b"),
        ({"checkpoint_every": -1.0}, "checkpoint_every: found -1.0; expected a number of seconds, at least 0"),
        ({"checkpoint_every": float("nan")}, "checkpoint_every: found nan"),
    ],
)
def test_bad_arguments_are_told_and_nothing_is_written(tmp_path, tiny, options, words):
    options = {"models": "conventional", **options}
    with pytest.raises(ValueError, match=words.replace("?", r"\?").replace("(", r"\(")):
        run(tiny, options.pop("models"), out=tmp_path / "run.h5", **options)
    assert os.listdir(tmp_path) == []


def test_a_model_is_a_model_or_a_name(tmp_path, tiny):
    with pytest.raises(TypeError, match="models: a is 3; expected a Model or the name of a registered one"):
        run(tiny, {"a": 3}, out=tmp_path / "run.h5")


def test_a_model_that_lacks_an_ability_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r'protocol "hebb-and-fillers" needs what the model MetaplasticNetwork lacks: "recall"'
    ):
        run("hebb-and-fillers", "hybrid", out=tmp_path / "run.h5")
    assert os.listdir(tmp_path) == []


def test_other_items_cannot_teach_where_there_is_one_other(tmp_path):
    two = Protocol.from_yaml("name: two\nitems: {count: 2, train: 6, test: 2}\nschedule: [wake: all, probe: all]\n")
    with pytest.raises(ValueError, match="non-target images need at least 3 items"):
        run(two, "hybrid", out=tmp_path / "run.h5")
    assert os.listdir(tmp_path) == []
    recording = run(two, {"hybrid": MetaplasticNetwork(**SMALL, nontarget=False)}, out=tmp_path / "run.h5", subjects=1)
    assert recording.status == "complete"


def test_output_paths_that_are_taken(tmp_path, start):
    (tmp_path / "run.h5").write_text("precious")
    with pytest.raises(FileExistsError, match=r"run\.h5 exists; give another name, or --overwrite"):
        start("run")
    assert (tmp_path / "run.h5").read_text() == "precious"
    (tmp_path / "folder.h5").mkdir()
    for options in ({}, {"overwrite": True}):
        with pytest.raises(IsADirectoryError, match=r"folder\.h5 is a folder"):
            start("folder", **options)
    with pytest.raises(NotADirectoryError, match=r"inner\.h5 cannot be created: .*run\.h5 is not a folder"):
        start("run.h5/inner")
    assert start("new/deep/run").status == "complete"
    assert start("run", overwrite=True).status == "complete"


def test_a_folder_that_is_read_only(tmp_path):
    """Permissions do not bind root, so the process becomes nobody first."""
    tmp_path.chmod(0o555)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o011)
    script = """
import os, sys
from pathlib import Path
from engram.sim.running import refuse_output
if os.geteuid() == 0:
    os.setuid(65534)
refuse_output(Path(sys.argv[1]), False)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "run.h5"], capture_output=True, text=True, check=False
    )
    tmp_path.chmod(0o755)
    told = f"PermissionError: {tmp_path / 'run.h5'} cannot be created: the folder {tmp_path} is read-only\n"
    assert outcome.stderr.endswith(told), outcome.stderr


# Resuming ---------------------------------------------------------------------------------------------------------


def test_a_complete_run_has_nothing_to_resume(start):
    with pytest.raises(ValueError, match=r"run\.h5 is complete: there is nothing to resume"):
        resume(start("run").path)


def test_a_checkpoint_of_another_run_is_not_taken(start, tmp_path, contents):
    unfinished(start, "other", at=14, seed=6)
    unfinished(start, "run", at=5)
    os.replace(checkpoint_path(tmp_path / "other.h5"), checkpoint_path(tmp_path / "run.h5"))
    resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == contents(start("whole").path)


def test_a_checkpoint_of_an_earlier_equal_run_is_not_taken(start, tmp_path, contents):
    """Killed right after the new recording was created, before its first checkpoint."""
    unfinished(start, "run", at=14)
    stale = checkpoint_path(tmp_path / "run.h5").read_bytes()
    unfinished(start, "run", at=1, overwrite=True)
    checkpoint_path(tmp_path / "run.h5").write_bytes(stale)
    resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == contents(start("whole").path)


def test_a_run_that_is_refused_leaves_the_checkpoint_of_the_run_that_is_writing(start, tmp_path, contents):
    unfinished(start)
    with RecordingWriter.resume(tmp_path / "run.h5"), pytest.raises(BlockingIOError):
        start("run", overwrite=True)
    assert checkpoint_path(tmp_path / "run.h5").exists()
    resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == contents(start("whole").path)


def test_a_run_that_begins_again_says_so(start, tmp_path):
    class Listener(Reporter):
        def __init__(self):
            self.told = []

        def say(self, text):
            self.told.append(text)

    path = tmp_path / "run.h5"
    for content, words in ((None, "has no checkpoint"), ("other", "has only the checkpoint of another run")):
        unfinished(start, overwrite=True)
        checkpoint_path(path).unlink()
        if content:
            unfinished(start, content, seed=6)
            os.replace(checkpoint_path(tmp_path / "other.h5"), checkpoint_path(path))
        listener = Listener()
        resume(path, reporter=listener)
        assert listener.told == [f"{path} {words} beside it: the run begins again from its start"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threads": 10**9}, "threads: found 1000000000"),
        ({"threads": True}, "threads: found True"),
        ({"device": 3}, "device: found 3"),
        ({"data": ["x"]}, "data: found"),
        ({"subjects": 4}, "does not hold the 4 subjects"),
        ({"subjects": 10**7}, "subjects: found 10000000"),
        ({"chunks": {"hybrid": 0}}, "chunks.hybrid: found 0"),
        ({"chunks": {"other": 3}}, "the chunks of its settings are damaged"),
        ({"chunks": 3}, "chunks: found 3"),
    ],
)
def test_settings_that_no_run_has_are_refused(start, tmp_path, monkeypatch, change, words):
    unfinished(start)
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        found = json.loads(file.attrs["settings"])
        file.attrs["settings"] = np.bytes_(json.dumps({**found, **change}).encode())
    monkeypatch.setattr("engram.sim.resuming.item_set", None)  # refused before any work
    with pytest.raises(ValueError, match=rf"run\.h5 cannot be resumed: .*{words}"):
        resume(tmp_path / "run.h5")


def test_another_version_is_named(start, tmp_path, monkeypatch):
    unfinished(start)
    found = planning.version("torch")
    monkeypatch.setattr(planning, "version", lambda name: "9.9" if name == "torch" else version(name))
    with pytest.raises(ValueError, match=rf"resumed: version of torch \({re.escape(found)}, now 9.9\) changed since"):
        resume(tmp_path / "run.h5")


def test_images_that_have_moved(start, tmp_path, monkeypatch, contents):
    """What is read where is asked of the item set; the bits do not depend on it."""
    places, pool = [], DigitPairs.pool

    def looked(self, data=None):
        places.append(data)
        return pool(self, None)

    monkeypatch.setattr(DigitPairs, "pool", looked)
    (tmp_path / "there").mkdir()
    unfinished(start, data=tmp_path / "there")
    old, new, env = (str(tmp_path / name) for name in ("there", "moved", "elsewhere"))
    monkeypatch.setenv("ENGRAM_DATA", env)
    for given, there in ((None, True), (None, False), (new, False)):
        if not there and os.path.exists(old):
            os.rmdir(old)
        with pytest.raises(KeyboardInterrupt):
            resume(tmp_path / "run.h5", data=given, reporter=Stopping(1))
    assert places == [old, old, env, new]
    assert resume(tmp_path / "run.h5", data=new).settings["data"] == old


def test_a_damaged_checkpoint_is_told_and_harms_nothing(start, tmp_path, contents):
    unfinished(start)
    path = checkpoint_path(tmp_path / "run.h5")
    path.write_bytes(path.read_bytes()[:100])
    before = contents(tmp_path / "run.h5")
    with pytest.raises(
        ValueError, match=r"the checkpoint .*run\.h5\.checkpoint is damaged .*delete it, and resuming begins"
    ):
        resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == before
    path.unlink()
    resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == contents(start("whole").path)


def test_a_run_whose_items_changed_is_not_resumed(start, tmp_path, monkeypatch):
    unfinished(start)
    found = item_set("digit-pairs", train_per_class=30)
    with pytest.raises(ValueError, match=r"run\.h5 cannot be resumed: items changed since it was started"):
        resume(tmp_path / "run.h5", items=found)
    with pytest.raises(ValueError, match=r"cannot be resumed: models \(hybrid.kappa\) changed since it was started"):
        resume(tmp_path / "run.h5", models={"hybrid": MetaplasticNetwork(**SMALL, kappa=3.0)})
    assert resume(tmp_path / "run.h5").status == "complete"


def test_a_version_of_the_simulator_fixes_the_bits_of_its_models_only(tiny):
    network = MetaplasticNetwork(**SMALL)
    pool = item_set("digit-pairs").pool(None)
    settings = {"device": "cpu", "threads": 1, "data": None, "subjects": 1}

    class Spiking(MetaplasticNetwork):
        backend: ClassVar[str] = "brian2"

    def versions(model):
        parts = planning.fixed_parts(tiny, {"a": network, "b": model}, pool, 0, settings, {"a": 1, "b": 1})
        return {name: part for name, part in parts.items() if name.startswith("version of ")}

    others = {f"version of {package}": version(package) for package in ("engram", "numpy", "torch")}
    assert versions(network) == others
    assert versions(Spiking(**SMALL)) == others | {"version of brian2": version("brian2")}


def test_options_of_the_item_set_come_from_the_protocol(tmp_path):
    def started(**options):
        text = "name: short\nitems: {set: digit-pairs, count: 3, train: 6, test: 2, options: {train_per_class: 20}}\n"
        protocol = Protocol.from_yaml(text + "schedule: [probe: all]\n")
        out = tmp_path / f"{len(os.listdir(tmp_path))}.h5"
        return run(protocol, {"a": MetaplasticNetwork(**SMALL)}, subjects=1, out=out, **options).models["a"].item_set

    own = started()
    assert (own["name"], own["options"]["train_per_class"]) == ("digit-pairs", 20)
    assert started(items="digit-pairs") == own
    assert started(items="digits")["name"] == "digits"
    assert started(items=item_set("digit-pairs"))["options"]["train_per_class"] != 20


def test_how_many_subjects_are_simulated_together():
    def together(subjects, asked=None, most=None, size=0):
        simulator = SimpleNamespace(subjects_together=most, bytes_per_subject=size)
        return planning.chunk_of(simulator, subjects, asked)

    assert (together(10), together(10, asked=3), together(10, asked=30)) == (10, 3, 30)
    assert (together(10, most=1), together(10, asked=3, most=1), together(10, asked=3, most=4)) == (1, 1, 3)
    assert (together(10, size=2**30), together(10, size=2**33), together(2, size=2**30)) == (4, 1, 2)


def test_a_recording_that_is_being_written_is_not_resumed(start, tmp_path):
    unfinished(start)
    with (
        RecordingWriter.resume(tmp_path / "run.h5"),
        pytest.raises(BlockingIOError, match=r"run\.h5 is being written by another process: wait for it or stop it"),
    ):
        resume(tmp_path / "run.h5")


@pytest.mark.parametrize("missing", ["settings", "item_set"])
def test_a_recording_made_by_other_means_is_not_resumed(start, tmp_path, missing):
    unfinished(start)
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        place = file if missing == "settings" else file["models/hybrid"]
        found = json.loads(place.attrs[missing])
        for name in ("chunks", "options"):
            found.pop(name, None)
        place.attrs[missing] = np.bytes_(json.dumps(found).encode())
    with pytest.raises(
        ValueError, match=r"run\.h5 cannot be resumed: it was not made by `engram run` and lacks (chunks|options)"
    ):
        resume(tmp_path / "run.h5")


def test_a_model_of_the_users_own_is_needed_again(start, tmp_path):
    unfinished(start)
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        spec = json.loads(file["models/hybrid"].attrs["spec"])
        file["models/hybrid"].attrs["spec"] = np.bytes_(json.dumps({**spec, "kind": "mine"}).encode())
    with pytest.raises(ValueError, match=r'a model of kind "mine" is not known here; .*resume'):
        resume(tmp_path / "run.h5")
    assert resume(tmp_path / "run.h5", models={"hybrid": MetaplasticNetwork(**SMALL)}).status == "complete"


def test_the_log_counts_how_often_a_run_was_resumed(start, tmp_path):
    unfinished(start)
    assert resume(tmp_path / "run.h5").log["resumed"] == 1


# Memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_phases(tmp_path):
    script = """
import resource, sys
import engram
from engram.models import MetaplasticNetwork
text = "name: long\\nitems: {count: 3, train: 4, test: 2}\\n"
text += "schedule: [{repeat: %s, phases: [wake: [0], probe: all]}]\\n"
network = MetaplasticNetwork(hidden=(64,), epochs_per_exposure=1, batch_size=8)
protocol = engram.Protocol.from_yaml(text % sys.argv[2])
engram.run(protocol, {"m": network}, subjects=2, threads=1, out=sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

    def most(repeats):
        path = tmp_path / f"{repeats}.h5"
        command = [sys.executable, "-c", script, str(path), str(repeats)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=True)
        assert open_recording(path).performance().shape[2] == repeats
        return int(outcome.stdout)

    assert most(500) < 1.1 * most(10)
