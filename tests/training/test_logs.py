import csv
import sys
import types

import pandas as pd
import pytest

from lib.training.logs import CsvLog, Log, TensorBoardLog, WandbLog
from tests.training.study import Study


def read(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_rows_are_appended_as_they_come(tmp_path):
    log = CsvLog(tmp_path / "deep" / "log.csv")
    assert isinstance(log, Log)
    log.log(1, {"loss": 0.5, "lr": 1e-3})
    log.log(2, {"loss": 0.25, "lr": 1e-3})
    assert read(log.path) == ["step,loss,lr", "1,0.5,0.001", "2,0.25,0.001"]


def test_columns_may_come_and_stay_away(tmp_path):
    log = CsvLog(tmp_path / "log.csv")
    log.log(1, {"loss": 0.5})
    log.log(2, {"held_out": 3})
    assert read(log.path) == ["step,loss,held_out", "1,0.5,", "2,,3"]


def test_resuming_drops_what_lies_beyond_the_checkpoint(tmp_path):
    before = CsvLog(tmp_path / "log.csv")
    for step in (1, 10, 20, 30):
        before.log(step, {"loss": step / 10})
    with before.path.open("a", encoding="utf-8") as file:
        file.write("4")  # killed while writing the row of step 40
    after = CsvLog(before.path)
    after.log(20, {"loss": 7.0})
    after.log(30, {"loss": 8.0})
    assert read(after.path) == ["step,loss", "1,0.1", "10,1.0", "20,7.0", "30,8.0"]
    after.close()
    after.log(20, {"loss": 9.0})
    assert read(after.path)[2:] == ["10,1.0", "20,9.0"]


def test_the_file_of_a_resumed_training_equals_that_of_an_uninterrupted_one(tmp_path):
    def stop_late(step, values):
        if step == 9:
            raise RuntimeError("power cut")

    Study(tmp_path / "whole", dropout=0.0).fit(12, loggers=[CsvLog(tmp_path / "whole.csv")])
    with pytest.raises(RuntimeError, match="power cut"):  # rows up to 6, checkpoint at 5
        Study(tmp_path / "pieces", dropout=0.0).fit(
            12, loggers=[CsvLog(tmp_path / "pieces.csv")], on_log=stop_late
        )
    assert pd.read_csv(tmp_path / "pieces.csv")["step"].tolist() == [1, 3, 6]
    result = Study(tmp_path / "pieces", dropout=0.0).fit(
        12, loggers=[CsvLog(tmp_path / "pieces.csv")]
    )
    assert read(tmp_path / "pieces.csv") == read(tmp_path / "whole.csv")
    with (tmp_path / "whole.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name, column in result.history.items():
        assert [float(row[name]) for row in rows] == column


def test_tensorboard_gets_the_curves(tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    log = TensorBoardLog(tmp_path)
    log.close()
    for step in (1, 10, 20):
        log.log(step, {"loss": step / 4})
    log.close()
    log.log(20, {"loss": 9.0})  # resumed from step 10
    log.close()
    events = event_accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 0.25), (10, 2.5), (20, 9.0)]


def test_without_wandb_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match=r'pip install "seeing-games\[wandb\]"'):
        WandbLog("cars", {})


def test_wandb_gets_rows_and_is_ended(monkeypatch):
    calls = []

    class Run:
        def log(self, values, step):
            calls.append((step, values))

        def finish(self):
            calls.append("finish")

    def init(**options):
        calls.append(options)
        return Run()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    log = WandbLog("cars", {"lr": 1.0}, run_id="abc")
    log.log(1, {"loss": 2.0})
    log.close()
    log.close()
    options = {"project": "cars", "config": {"lr": 1.0}, "id": "abc", "resume": "allow"}
    assert calls == [options, (1, {"loss": 2.0}), "finish"]
