import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib.training.cache import (
    RunFolder,
    RunInUseError,
    cached_run,
    plain,
    run_key,
    source_digest,
)
from lib.training.logs import CsvLog
from tests.training.study import Study


@dataclasses.dataclass(frozen=True)
class Inner:
    size: tuple[int, int] = (64, 64)


@dataclasses.dataclass(frozen=True)
class Config:
    lr: float = 0.1
    inner: Inner = Inner()


class Training:
    """Counts its calls; fails where it is told to."""

    def __init__(self, *, fail=None, metrics=None):
        self.calls, self.fail, self.metrics = 0, fail, metrics or {"loss": 0.5}

    def __call__(self, run):
        self.calls += 1
        (run.path / "work.txt").write_text("x" * self.calls)
        if self.fail:
            raise self.fail
        return self.metrics


CODE = ["lib.training.cache"]


def cached(root, train, config=None, digest="d0", **options):
    options = {"code": CODE} | options
    return cached_run(root, "cars", "writeup-tiny", config or Config(), digest, train, **options)


def test_a_finished_run_is_loaded(tmp_path):
    train = Training(metrics={"loss": 0.5, "codes": [1, 2], "spread": np.float32(0.25)})
    first = cached(tmp_path, train)
    again = cached(tmp_path, train)
    assert train.calls == 1
    assert first == again
    assert again.done
    assert again.metrics == {"loss": 0.5, "codes": [1, 2], "spread": 0.25}
    assert again.config == {"lr": 0.1, "inner": {"size": [64, 64]}}
    assert again.environment["torch"]["version"]
    assert again.path == tmp_path / "cars" / f"writeup-tiny-{again.key}"
    assert again.key == run_key(Config(), "d0", code=CODE)
    assert 0 < again.seconds < 5


def test_a_change_of_configuration_data_or_name_is_a_new_run(tmp_path):
    train = Training()
    cached(tmp_path, train)
    cached(tmp_path, train, config=Config(lr=0.2))
    cached(tmp_path, train, config=Config(inner=Inner((32, 64))))
    cached(tmp_path, train, digest="d1")
    cached(tmp_path, train, code=["lib.models"])
    assert train.calls == 5


def test_force_begins_again_from_nothing(tmp_path):
    train = Training()
    run = cached(tmp_path, train)
    (run.path / "checkpoint-00000005.pt").write_text("old")
    cached(tmp_path, train, force=True)
    assert train.calls == 2
    assert not (run.path / "checkpoint-00000005.pt").exists()
    assert run.done


@pytest.mark.parametrize("failure", [RuntimeError("gpu lost"), KeyboardInterrupt()])
def test_an_interrupted_run_goes_on_and_its_time_adds_up(tmp_path, failure):
    with pytest.raises(type(failure)):
        cached(tmp_path, Training(fail=failure))
    (folder,) = (tmp_path / "cars").glob("writeup-*")
    run = RunFolder(folder)
    assert not run.done
    before = run.seconds
    assert before > 0
    cached(tmp_path, Training())
    assert run.done
    assert run.seconds > before
    sessions = json.loads((folder / "sessions.json").read_text())
    assert [s["outcome"] for s in sessions] == [type(failure).__name__, "finished"]
    assert json.loads((folder / "done").read_text()) == {"seconds": run.seconds}


def test_an_interrupted_training_resumes_from_its_checkpoint(tmp_path):
    def train(run, fail):
        def maybe_fail(step, values):
            if fail and step == 9:
                raise RuntimeError("power cut")

        result = Study(run.path).fit(12, loggers=[CsvLog(run.log_csv)], on_log=maybe_fail)
        return {"loss": result.history["loss"][-1], "resumed_from": result.resumed_from}

    with pytest.raises(RuntimeError, match="power cut"):
        cached(tmp_path, lambda run: train(run, True))
    run = cached(tmp_path, lambda run: train(run, False))
    assert run.metrics["resumed_from"] == 5


def test_metrics_that_are_not_finite_become_null(tmp_path):
    run = cached(tmp_path, Training(metrics={"loss": math.nan, "parts": [math.inf, 1.0]}))
    assert run.metrics == {"loss": None, "parts": [None, 1.0]}


def test_other_processes_train_along_but_keep_no_books(tmp_path):
    train = Training()
    (tmp_path / "cars" / f"writeup-tiny-{run_key(Config(), 'd0', code=CODE)}").mkdir(parents=True)
    run = cached(tmp_path, train, rank=1)
    assert train.calls == 1
    assert not run.done
    assert not (run.path / "metrics.json").exists()


def test_two_at_once_are_refused(tmp_path):
    def train(run):
        with pytest.raises(RunInUseError, match=rf"number {os.getpid()}\). Wait until") as caught:
            cached(tmp_path, Training())
        assert run.path.name in str(caught.value)
        return {}

    assert cached(tmp_path, train).done
    assert cached(tmp_path, Training(), force=True).done  # the lock is free again


KILLED = """
import sys, time
from pathlib import Path
from lib.training.cache import cached_run

def train(run):
    (run.path / "work.txt").write_text("begun")
    print("training", flush=True)
    time.sleep(60)

cached_run(Path(sys.argv[1]), "cars", "killed", {}, "d0", train, code=())
"""


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    def run(train):
        return cached_run(tmp_path, "cars", "killed", {}, "d0", train, code=())

    root, train = Path(__file__).parents[2], Training()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, cwd=root
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"training\n"
            with pytest.raises(RunInUseError, match=f"number {process.pid}"):
                run(train)
        finally:
            process.kill()
    finished = run(train)
    assert (train.calls, finished.done) == (1, True)
    sessions = json.loads((finished.path / "sessions.json").read_text())
    assert [session["outcome"] for session in sessions] == ["killed", "finished"]
    assert 0 <= sessions[0]["seconds"] < 5


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / f"studied_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "net.py").write_text('"""A net."""\n\n\ndef width():\n    return 3\n')
    source_digest.cache_clear()
    yield folder
    source_digest.cache_clear()


@pytest.mark.parametrize(
    ("file", "text", "same"),
    [
        ("net.py", "# a comment\ndef width():\n    '''Of it.'''\n\n    return (3)\n", True),
        ("net.py", '"""A net."""\n\n\ndef width():\n    return 4\n', False),
        ("net.py", '"""A net."""\n\n\ndef width():\n    return "3"\n', False),
        ("extra.py", "x = 1\n", False),
        ("notes.txt", "not source\n", True),
    ],
)
def test_the_key_follows_what_the_source_does(package, file, text, same):
    before = run_key({}, "d0", code=[package.name])
    source_digest.cache_clear()
    (package / file).write_text(text)
    assert (run_key({}, "d0", code=[package.name]) == before) is same


def test_a_single_module_can_be_named_and_nonsense_cannot(package):
    source = f"{package.name}.net"
    before = run_key({}, "d0", code=[source])
    source_digest.cache_clear()
    (package / "other.py").write_text("x = 1\n")
    assert run_key({}, "d0", code=[source]) == before
    with pytest.raises(ValueError, match=r"code: found no module 'lib.nonsense'"):
        run_key({}, "d0", code=["lib.nonsense"])


def test_a_module_stands_for_what_it_imports_and_for_nothing_else(package):
    user, other = f"{package.name}.user", f"{package.name}.other"
    (package / "user.py").write_text(f"from {package.name} import net\n")
    (package / "other.py").write_text("x = 1\n")
    before = {name: run_key({}, "d0", code=[name]) for name in (user, other)}
    source_digest.cache_clear()
    (package / "net.py").write_text("def width():\n    return 4\n")
    assert run_key({}, "d0", code=[user]) != before[user]
    assert run_key({}, "d0", code=[other]) == before[other]


def test_keys_do_not_depend_on_the_order_of_fields():
    assert run_key({"a": 1, "b": 2}, "d", code=()) == run_key({"b": 2, "a": 1}, "d", code=())
    assert run_key({"a": 1}, "d", code=()) != run_key({"a": 1.5}, "d", code=())


def test_what_has_no_place_in_a_record_is_named():
    value = {"size": (1, 2), "path": Path("a/b"), "kinds": {"b", "a"}, "n": np.int64(3)}
    assert plain(value) == {"size": [1, 2], "path": "a/b", "kinds": ["a", "b"], "n": 3}
    with pytest.raises(ValueError, match=r"config\.nets\[1\]: function has no place"):
        plain({"nets": [1, lambda: None]})
