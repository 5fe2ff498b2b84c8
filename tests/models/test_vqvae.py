"""Shapes, round trips, learning, and the table of versions."""

import pytest
import torch

from lib.models.quantiser import QuantiserConfig
from lib.models.vqvae import Vqvae, VqvaeConfig
from lib.models.vqvae_versions import PRESETS, VERSIONS, optimiser_steps, version

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
    for name in VERSIONS:
        sizes = []
        for preset in PRESETS:
            chosen = version(name, preset)
            assert chosen.model.image_size == VERSIONS[name].model.image_size
            assert chosen.model.grid == VERSIONS[name].model.grid
            assert chosen.clip_norm == VERSIONS[name].clip_norm
            sizes.append(sum(p.numel() for p in Vqvae(chosen.model).parameters()))
        assert sizes == sorted(sizes)
        assert version(name, "full").model == VERSIONS[name].model


def test_full_sizes_are_the_write_ups():
    v1, v2 = VERSIONS["v1.0"].model, VERSIONS["v2.0"].model
    assert (v1.quantiser.codebook_size, v1.quantiser.embedding_dim, v1.grid) == (512, 64, (16, 16))
    assert (v2.quantiser.codebook_size, v2.quantiser.embedding_dim) == (4096, 384)
    assert v2.image_size == (36, 64)
    assert v2.grid == (9, 16)


def test_full_runs_epochs_and_small_presets_run_fixed_steps():
    chosen = VERSIONS["v1.0"]
    assert optimiser_steps(chosen, "full", 6400) == 1000
    assert optimiser_steps(chosen, "tiny", 6400) == optimiser_steps(chosen, "tiny", 64)


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
