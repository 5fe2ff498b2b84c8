"""Trackers in files: what is written is what comes back, and nothing else is taken for one."""

import hashlib
import json
import os
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lib.evaluation.following import Reading, follow
from lib.evaluation.packing import pack, unpack
from lib.evaluation.tracker_file import (
    SUMS,
    Tracker,
    TrackerInfo,
    check_sums,
    load_tracker,
    read_tracker_info,
    save_tracker,
    write_sums,
)
from lib.models.scalor import Scalor, ScalorConfig
from tests.evaluation.trackers import SMALL, crowded

INFO = TrackerInfo("gradient", "tiny", 3, 2, 64, "0123456789abcdef", "abcdef012345-dirty")
KEY = "seeing_games_tracker"


@pytest.fixture(scope="module")
def model() -> Scalor:
    return crowded()


@pytest.fixture
def saved(tmp_path, model) -> Path:
    path = tmp_path / "deep" / "gradient.safetensors"
    save_tracker(path, model, INFO)
    return path


def rewritten(path: Path, *, weights=None, about=None, key=KEY) -> Path:
    """The file with changed weights (a function of all) or changed words of its header."""
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        words = json.loads(file.metadata()[KEY])
    tensors = weights(tensors) if weights else tensors
    words = about(words) if about else words
    save_file(tensors, path, {key: words if isinstance(words, str) else json.dumps(words)})
    return path


class TestRoundTrip:
    def test_everything_comes_back(self, saved, model):
        tracker = load_tracker(saved)
        assert isinstance(tracker, Tracker)
        assert tracker.info == read_tracker_info(saved) == INFO
        assert tracker.model.config == model.config
        assert not tracker.model.training
        for name, values in tracker.model.state_dict().items():
            assert values.dtype == torch.float32
            assert torch.equal(values, unpack(pack({name: model.state_dict()[name]}))[name]), name
        assert [path.name for path in saved.parent.iterdir()] == [saved.name]
        (saved.parent / "plain").touch()
        assert saved.stat().st_mode == (saved.parent / "plain").stat().st_mode

    def test_a_quarter_of_the_size_and_the_same_bytes_each_time(self, saved, model):
        first = saved.read_bytes()
        numbers = sum(values.numel() for values in model.state_dict().values())
        assert numbers < len(first) < 1.1 * numbers + 100_000
        for _ in range(3):
            save_tracker(saved, model, INFO)
            assert saved.read_bytes() == first

    def test_pictures_and_boxes_are_nearly_those_of_float32(self, saved, model):
        """Two frames: without training, a crowd of objects tells rounding ever farther apart."""
        clips = np.random.default_rng(0).integers(0, 256, (1, 2, 64, 64, 3), dtype=np.uint8)
        masks = Reading(most_ground=None)  # a pixel is somebody's by its colour, or is not
        [whole], [packed] = (
            follow(one, clips, reading=masks) for one in (model, load_tracker(saved).model)
        )
        levels = np.abs(whole.reconstruction.astype(int) - packed.reconstruction.astype(int))
        assert levels.mean() < 4  # of 255
        assert sum(len(one) for one in whole.boxes) > 20
        for one, other in zip(whole.boxes, packed.boxes, strict=True):
            assert np.array_equal(one.ids, other.ids)
            assert np.abs(one.boxes - other.boxes).max() < 1  # of 64 pixels

    def test_loading_draws_no_random_numbers(self, saved):
        torch.manual_seed(0)
        load_tracker(saved)
        drawn = torch.rand(3)
        torch.manual_seed(0)
        assert torch.equal(drawn, torch.rand(3))

    def test_fields_an_older_file_lacks_take_their_defaults(self, saved, model):
        rewritten(saved, about=lambda words: words | {"config": less(words["config"], "sigma")})
        assert load_tracker(saved).model.config == replace(model.config, sigma=0.1)

    def test_the_opacity_that_older_files_have_is_left_out(self, saved):
        rewritten(saved, about=lambda w: w | {"info": w["info"] | {"least_alpha": 0.1}})
        assert read_tracker_info(saved) == INFO

    def test_every_background_survives(self, tmp_path):
        for kind in ("full", "broadcast", "constant", "none"):
            path = tmp_path / f"{kind}.safetensors"
            model = Scalor(replace(SMALL, background=kind))
            save_tracker(path, model, INFO)
            assert load_tracker(path).model.state_dict().keys() == model.state_dict().keys()


def less(values: dict, name: str) -> dict:
    return {key: value for key, value in values.items() if key != name}


class TestSaving:
    def test_what_float16_cannot_hold_is_refused_and_nothing_written(self, tmp_path):
        model = Scalor(SMALL)
        with torch.no_grad():
            model.background.prior.bias.fill_(1e5)
        path = tmp_path / "a.safetensors"
        with pytest.raises(ValueError, match=r"background\.prior\.bias reaches 100000; .*65504"):
            save_tracker(path, model, INFO)
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_former_file(self, saved, model, monkeypatch):
        before = saved.read_bytes()

        def broken(file):
            raise OSError("disk gone")

        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="disk gone"):
            save_tracker(saved, model, INFO)
        assert saved.read_bytes() == before
        assert len(list(saved.parent.iterdir())) == 1

    def test_suffix_and_info_are_checked(self, tmp_path, model):
        with pytest.raises(ValueError, match=r"a\.pt: give a name that ends in \.safetensors"):
            save_tracker(tmp_path / "a.pt", model, INFO)
        with pytest.raises(ValueError, match="stride=0: want at least 1"):
            replace(INFO, stride=0)
        with pytest.raises(ValueError, match="window_px=0: want at least 1"):
            replace(INFO, window_px=0)


class TestLoading:
    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no tracker .*a\.safetensors: check the path"):
            load_tracker(tmp_path / "a.safetensors")

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else", b"\xff" * 64])
    def test_another_kind_of_file(self, tmp_path, content):
        path = tmp_path / "a.safetensors"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.safetensors is no \.safetensors file"):
            load_tracker(path)

    def test_a_truncated_file(self, saved):
        saved.write_bytes(saved.read_bytes()[:-100])
        with pytest.raises(ValueError, match="or is damaged"):
            load_tracker(saved)

    def test_weights_of_something_else(self, saved):
        rewritten(saved, key="format")
        with pytest.raises(ValueError, match=f"its header has format, want {KEY}"):
            load_tracker(saved)
        save_file({"a": torch.zeros(1)}, saved)
        with pytest.raises(ValueError, match="its header has nothing"):
            load_tracker(saved)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda words: "{", "is no JSON"),
            (lambda words: [1], "is of format None, this version reads 2"),
            (lambda words: words | {"format": 1}, "is of format 1, this version reads 2"),
            (lambda words: less(words, "info"), "info is None, want an object of experiment"),
            (
                lambda words: words | {"config": words["config"] | {"colour": 1}},
                "config has unknown fields colour; want only image_px, grid",
            ),
            (
                lambda words: words | {"config": words["config"] | {"image_px": "64"}},
                "config has image_px='64', want int",
            ),
            (
                lambda words: words | {"config": words["config"] | {"grid": True}},
                "config has grid=True, want int",
            ),
            (
                lambda words: words | {"config": words["config"] | {"background": "sea"}},
                "config has background='sea', want .*Literal",
            ),
            (
                lambda words: words | {"config": words["config"] | {"grid": 5}},
                "image_px=64 with grid=5: cells must have",
            ),
            (
                lambda words: words | {"config": words["config"] | {"grid": 0}},
                "zero",
            ),
            (
                lambda words: words | {"info": less(words["info"], "commit")},
                "info lacks commit",
            ),
            (
                lambda words: words | {"info": words["info"] | {"stride": 0}},
                "stride=0: want at least 1",
            ),
            (
                lambda words: words | {"info": words["info"] | {"seed": None}},
                "info has seed=None, want int",
            ),
        ],
    )
    def test_words_that_do_not_fit(self, saved, change, told):
        rewritten(saved, about=change)
        with pytest.raises(ValueError, match=f"gradient.safetensors.*{told}"):
            load_tracker(saved)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (
                lambda held: less(held, "background.prior.bias"),
                r"lacks background\.prior\.bias; want the \d+ tensors .* it holds \d+",
            ),
            (
                lambda held: {"background.prior.bias": held["background.prior.bias"]},
                r"lacks .* and \d+ more",
            ),
            (lambda held: held | {"extra": torch.zeros(1)}, "has besides extra"),
            (
                lambda held: held | {"background.prior.bias": torch.zeros(5, 4, dtype=torch.half)},
                r"background\.prior\.bias has shape \[5, 4\], want \[20\]",
            ),
            (
                lambda held: held | {"background.prior.bias": torch.zeros(20)},
                r"background\.prior\.bias is F32, want F16",
            ),
            (
                lambda held: held | {"background.prior.bias": torch.full((20,), np.nan).half()},
                r"background\.prior\.bias holds numbers that are not finite",
            ),
        ],
    )
    def test_weights_that_do_not_fit(self, saved, change, told):
        rewritten(saved, weights=change)
        with pytest.raises(ValueError, match=told):
            load_tracker(saved)

    def test_a_claim_of_a_giant_costs_no_memory(self, saved):
        giant = asdict(SMALL) | {"what": 10**8}
        rewritten(saved, about=lambda words: words | {"config": giant})
        with pytest.raises(ValueError, match=r"has shape \[.*\], want \[.*00000000"):
            load_tracker(saved)


class TestSums:
    def test_they_are_those_of_sha256sum(self, saved, model):
        save_tracker(saved.with_name("a.safetensors"), Scalor(ScalorConfig(what=4)), INFO)
        listing = write_sums(saved.parent)
        assert listing == saved.parent / SUMS
        names = re.findall(r"^[0-9a-f]{64}  (\S+)$", listing.read_text(), re.MULTILINE)
        assert names == ["a.safetensors", "gradient.safetensors"]
        found = check_sums(saved.parent)
        assert found[saved.name] == hashlib.sha256(saved.read_bytes()).hexdigest()
        assert list(check_sums(saved.parent, [saved.name])) == [saved.name]
        done = subprocess.run(["sha256sum", "-c", SUMS], cwd=saved.parent, capture_output=True)
        assert done.returncode == 0

    def test_what_does_not_fit_is_named(self, saved, model):
        write_sums(saved.parent)
        save_tracker(saved.with_name("b.safetensors"), model, INFO)
        with pytest.raises(ValueError, match=r"b\.safetensors is not listed"):
            check_sums(saved.parent)
        write_sums(saved.parent)
        saved.with_name("b.safetensors").write_bytes(b"other")
        saved.unlink()
        with pytest.raises(ValueError, match=r"b\.\w+ has d9298a10d1b0…, listed .*; grad\S+ is m"):
            check_sums(saved.parent)
        with pytest.raises(ValueError, match=r"c\.safetensors is missing"):
            check_sums(saved.parent, ["c.safetensors"])

    def test_no_list_a_broken_list_and_an_empty_folder(self, saved, tmp_path):
        with pytest.raises(FileNotFoundError, match=f"there is no .*{SUMS}"):
            check_sums(saved.parent)
        (saved.parent / SUMS).write_text("abc  a.safetensors\n")
        with pytest.raises(ValueError, match="line 1: 'abc  a.safetensors'; want 'SHA-256  name'"):
            check_sums(saved.parent)
        with pytest.raises(FileNotFoundError, match=r"no tracker \(\*\.safetensors\)"):
            write_sums(tmp_path)
