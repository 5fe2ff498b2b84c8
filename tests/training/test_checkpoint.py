import errno
import os

import pytest
import torch

import lib.training.checkpoint as module
from lib.files import DiskSpaceError
from lib.training.checkpoint import (
    CorruptCheckpointError,
    CorruptCheckpointWarning,
    checkpoint_path,
    checkpoints,
    load_checkpoint,
    load_weights,
    newest_checkpoint,
    save_checkpoint,
)
from lib.training.device import make_fabric
from tests.training.study import Study, build


@pytest.fixture(scope="module")
def fabric():
    return make_fabric("cpu")


def save(fabric, folder, *steps):
    for step in steps:
        state = {"model": {"w": torch.full((50,), float(step))}, "step": step}
        save_checkpoint(fabric, checkpoint_path(folder, step), state)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    place = data.index(torch.full((50,), 12.0).numpy().tobytes()) + 17
    data[place] ^= 4
    path.write_bytes(data)


def test_what_was_saved_is_loaded_as_plain_values(tmp_path, fabric):
    state = {"w": torch.arange(3.0), "random": (3, (1, 2), None), "history": {"step": [1, 2]}}
    path = checkpoint_path(tmp_path / "new", 7)
    save_checkpoint(fabric, path, state)
    loaded = load_checkpoint(fabric, path)
    assert torch.equal(loaded.pop("w"), torch.arange(3.0))
    assert loaded == {"random": (3, (1, 2), None), "history": {"step": [1, 2]}}


def test_loading_never_runs_code(tmp_path, fabric):
    path = checkpoint_path(tmp_path, 1)
    save_checkpoint(fabric, path, {"model": build()})  # a pickled object, not a state
    with pytest.raises(CorruptCheckpointError, match=r"checkpoint-00000001\.pt is damaged"):
        load_checkpoint(fabric, path)


def test_the_two_newest_are_kept(tmp_path, fabric):
    (tmp_path / "checkpoint-best.pt").write_text("someone else's")
    save(fabric, tmp_path, 4, 8, 12, 100_000_000)
    assert [path.name for path in checkpoints(tmp_path)] == [
        "checkpoint-100000000.pt",
        "checkpoint-00000012.pt",
    ]
    assert "checkpoint-best.pt" in names(tmp_path)


def test_a_crash_while_writing_leaves_the_old_ones_and_nothing_else(tmp_path, fabric, monkeypatch):
    save(fabric, tmp_path, 4, 8)

    def half(state, file):
        file.write(b"half of it")
        raise KeyError("crash")

    monkeypatch.setattr(module.torch, "save", half)
    with pytest.raises(KeyError):
        save(fabric, tmp_path, 12)
    assert names(tmp_path) == ["checkpoint-00000004.pt", "checkpoint-00000008.pt"]


def test_a_full_disk_is_named_and_the_old_ones_stay(tmp_path, fabric, monkeypatch):
    save(fabric, tmp_path, 4, 8)

    def half(state, file):
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.torch, "save", half)
    with pytest.raises(
        DiskSpaceError, match=r"disk filled up .* checkpoint-00000012\.pt"
    ) as caught:
        save(fabric, tmp_path, 12)
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == ["checkpoint-00000004.pt", "checkpoint-00000008.pt"]
    monkeypatch.undo()
    found = newest_checkpoint(fabric, tmp_path)
    assert found is not None
    assert found[1]["step"] == 8


def test_a_disk_that_fills_up_under_pytorch_s_writer_is_recognised(tmp_path, fabric, monkeypatch):
    """PyTorch turns the failed write into a RuntimeError about its archive."""

    class FullDisk:
        def __init__(self, file):
            self.file, self.room = file, 300

        def write(self, data):
            self.room -= len(data)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

        def flush(self):
            self.file.flush()

    real = torch.save
    monkeypatch.setattr(module.torch, "save", lambda state, file: real(state, FullDisk(file)))
    with pytest.raises(DiskSpaceError):
        save(fabric, tmp_path, 4)
    assert names(tmp_path) == []


def test_another_failed_write_is_not_taken_for_a_full_disk(tmp_path, fabric, monkeypatch):
    def broken(state, file):
        raise RuntimeError("cannot be saved")

    monkeypatch.setattr(module.torch, "save", broken)
    with pytest.raises(RuntimeError, match="cannot be saved"):
        save(fabric, tmp_path, 4)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: os.truncate(path, path.stat().st_size // 2), id="half"),
        pytest.param(lambda path: path.write_bytes(b"x" * 3000), id="rubbish"),
        pytest.param(flip_a_bit, id="one bit"),
    ],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, fabric, damage):
    save(fabric, tmp_path, 8, 12)
    damage(checkpoint_path(tmp_path, 12))
    with pytest.warns(CorruptCheckpointWarning, match=r"checkpoint-00000012\.pt is damaged"):
        found = newest_checkpoint(fabric, tmp_path)
    assert found is not None
    assert found[0] == checkpoint_path(tmp_path, 8)
    assert found[1]["model"]["w"].tolist() == [8.0] * 50


def test_training_goes_on_from_the_one_before(tmp_path):
    whole = Study(tmp_path / "whole")
    torch.manual_seed(3)
    expected = whole.fit(12)
    piece = Study(tmp_path / "pieces")
    torch.manual_seed(3)
    piece.fit(10)
    os.truncate(checkpoint_path(tmp_path / "pieces", 10), 1000)
    with pytest.warns(CorruptCheckpointWarning):
        result = Study(tmp_path / "pieces").fit(12)
    assert result.resumed_from == 5
    assert result.history == {name: expected.history[name] for name in result.history}


def test_nothing_to_resume_from(tmp_path, fabric):
    assert newest_checkpoint(fabric, tmp_path / "missing") is None
    save(fabric, tmp_path, 4)
    checkpoint_path(tmp_path, 4).write_bytes(b"")
    with pytest.warns(CorruptCheckpointWarning):
        assert newest_checkpoint(fabric, tmp_path) is None


def test_partial_files_of_a_killed_process_are_cleared_away(tmp_path, fabric):
    save(fabric, tmp_path, 4)
    (tmp_path / ".checkpoint-00000008.99999.partial.pt").write_bytes(b"half")
    newest_checkpoint(fabric, tmp_path)
    assert names(tmp_path) == ["checkpoint-00000004.pt"]


def test_weights_of_a_finished_run(tmp_path):
    study = Study(tmp_path)
    study.fit(5)
    model = build(seed=1)
    assert load_weights(model, tmp_path) == 5
    assert all(
        torch.equal(value, study.model.state_dict()[name])
        for name, value in model.state_dict().items()
    )
    with pytest.raises(FileNotFoundError, match=r"no readable checkpoint.*train first"):
        load_weights(model, tmp_path / "elsewhere")
