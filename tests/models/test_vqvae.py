"""Shapes, round trips, learning, and the table of versions."""

import math
from dataclasses import replace

import pytest
import torch

from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_version import PRESETS, optimiser_steps
from lib.models.vqvae_versions import VARIANTS, VERSIONS, version

SMALL = QuantiserConfig(codebook_size=32, embedding_dim=8, reseed_unused=True)


def small(residual: bool, stages: int = 2) -> Vqvae:
    torch.manual_seed(0)
    return Vqvae(
        VqvaeConfig((16, 32), hidden=16, stages=stages, residual=residual, quantiser=SMALL)
    )


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_shapes_and_range(residual, stages, generator):
    model = small(residual, stages)
    x = torch.rand(2, 3, 16, 32, generator=generator)
    result = model(x)
    assert result.image.shape == x.shape
    assert result.quantised.codes.shape == (2, *model.config.grid)
    assert result.image.min() >= 0
    assert result.image.max() <= 1


def test_decoding_the_codes_is_the_reconstruction(generator):
    model = small(residual=True).eval()
    x = torch.rand(2, 3, 16, 32, generator=generator)
    torch.testing.assert_close(model.decode(model.encode(x)), model(x).image)


@pytest.mark.parametrize("residual", [False, True])
def test_two_batches_are_learnt_by_heart(residual, generator):
    model = small(residual).train()
    x = torch.rand(2, 3, 4, 8, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    first = last = None
    for _ in range(300):
        result = model(x)
        loss = (result.image - x).square().mean() + 0.25 * result.quantised.commitment
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        last = float((result.image - x).detach().square().mean())
        first = first or last
    assert last < first / 4


def test_versions_scale_by_preset_and_keep_what_defines_them():
    for name, full in (VERSIONS | VARIANTS).items():
        sizes = []
        for preset in PRESETS:
            chosen = version(name, preset)
            assert chosen.model.image_size == full.model.image_size
            assert chosen.model.grid == full.model.grid
            for field in ("clip_norm", "epochs", "perceptual", "beta", "continues_from"):
                assert getattr(chosen, field) == getattr(full, field)
            cells = chosen.batch_size * math.prod(chosen.model.grid)
            wanted = full.batch_size * math.prod(full.model.grid)
            assert cells / chosen.model.quantiser.codebook_size == pytest.approx(
                wanted / full.model.quantiser.codebook_size, rel=0.05
            ), "a code meets as many cells of a batch"
            sizes.append(sum(p.numel() for p in Vqvae(chosen.model).parameters()))
        assert sizes == sorted(sizes)
        assert version(name, "full") == full


def test_there_are_the_versions_of_the_change_log():
    later = [f"v2.0.{i}" for i in range(1, 6)] + [f"v2.1.{i}" for i in range(7)]
    assert list(VERSIONS) == ["v1.0", "v1.0.1", "v2.0", *later]
    for name, one in (VERSIONS | VARIANTS).items():
        assert one.name == name
        assert one.commit
        assert one.changed.endswith(".")
        assert one.why.endswith((".", "?"))


@pytest.mark.parametrize(
    ("name", "k", "d", "grid", "pixels", "batch"),
    [
        ("v1.0", 512, 64, (16, 16), (64, 64), 64),
        ("v2.0", 4096, 384, (9, 16), (36, 64), 64),
        ("v2.0.1", 4096, 384, (9, 16), (72, 128), 64),
        ("v2.0.2", 4096, 384, (9, 16), (72, 128), 192),
        ("v2.0.5", 1024, 384, (9, 16), (72, 128), 192),
        ("v2.1.0", 1024, 384, (18, 32), (72, 128), 256),
        ("v2.1.6", 1024, 384, (18, 32), (72, 128), 64),
    ],
)
def test_full_sizes_are_the_write_ups(name, k, d, grid, pixels, batch):
    model = VERSIONS[name].model
    assert (model.quantiser.codebook_size, model.quantiser.embedding_dim) == (k, d)
    assert (model.grid, model.image_size) == (grid, pixels)
    assert VERSIONS[name].batch_size == batch


def test_what_continues_goes_on_from_the_same_model():
    for one in (VERSIONS | VARIANTS).values():
        if one.continues_from is not None:
            before = VERSIONS[one.continues_from]
            assert before.model == one.model
            assert before.layout == one.layout
            assert before.epochs == one.continues_at < one.epochs


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("v2.0.2", {1: 1.0, 40: 1.0}),
        ("v2.0.5", {31: 0.3, 60: 0.3}),
        ("v2.1.0", {1: 0.0, 4: 0.0, 5: 0.05, 9: 0.05, 10: 0.1, 30: 0.3}),
        ("v2.1.1", {9: 0.0, 10: 0.005, 30: 0.015}),
        ("v2.1.2", {9: 0.0, 10: 0.005}),
        ("v2.1.4", {1: 0.05, 2: 0.05, 3: 0.055, 15: 0.075}),
        ("v2.1.5", {1: 0.05, 15: 0.075}),
        ("v2.1.6", {1: 0.0, 2: 0.005, 60: 0.15, 100: 0.15}),
        ("v1.0.1_lpips", {10: 0.0, 11: 1.0, 20: 1.0}),
    ],
)
def test_weights_of_lpips(name, weights):
    perceptual = (VERSIONS | VARIANTS)[name].perceptual
    assert {e: perceptual.weight(e) for e in weights} == pytest.approx(weights)


def test_epochs_stretch_over_the_steps_there_are():
    one = VERSIONS["v2.0.5"]
    assert [one.epoch(step, 60) for step in (0, 1, 2, 59)] == [31, 31, 32, 60]
    assert [one.epoch(step, 10) for step in (0, 1, 9)] == [31, 34, 58]
    assert one.epoch(2999, 3000) == 60


def test_steps_by_preset():
    v1, long = VERSIONS["v1.0"], version("v2.1.6", "small")
    assert optimiser_steps(v1, "full", 6400) == 1000
    assert optimiser_steps(VERSIONS["v2.0.5"], "full", 19_200) == 3000, "its own 30 epochs"
    assert optimiser_steps(long, "small", 1) == optimiser_steps(long, "small", 10_000) == 3125
    assert optimiser_steps(version("v1.0", "tiny"), "tiny", 1) == 250, "no fewer than that"


def test_a_relu_before_the_sigmoid_leaves_the_upper_half(generator):
    x = torch.rand(2, 3, 16, 32, generator=generator)
    for broken in (False, True):
        torch.manual_seed(0)
        model = Vqvae(replace(small(residual=True).config, output_relu=broken))
        assert (model(x).image.min().item() >= 0.5) is broken


def test_a_relu_before_the_last_block_has_no_parameters():
    config = small(residual=True, stages=3).config
    with_relu = Vqvae(replace(config, relu_before_last_block=True))
    assert len(list(with_relu.parameters())) == len(list(Vqvae(config).parameters()))
    assert len(with_relu.encoder) == len(Vqvae(config).encoder) + 1


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"version is 'v9'; the known ones are v1.0, v1.0.1, v2.0"):
        version("v9")
    with pytest.raises(ValueError, match="preset is 'huge'; choose one of tiny, small, full"):
        version("v1.0", "huge")
    with pytest.raises(ValueError, match=r"images of \(8, 8\) pixels, this model takes \(16, 32\)"):
        small(residual=False)(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"image_size is \(18, 32\); both sides"):
        VqvaeConfig((18, 32))
    with pytest.raises(ValueError, match="codes run from 0 to 99; this codebook holds 0 to 31"):
        small(residual=False).decode(torch.full((1, 4, 8), 99).index_fill(1, torch.tensor([0]), 0))
