"""The overflow experiment: peaks by brute force, headroom by trying it, repairs one at a time."""

from dataclasses import replace

import pytest
import torch

from lib.evaluation.half_precision import (
    Outcome,
    bare_config,
    fresh_start,
    loud_series,
    measure_peaks,
    outcome,
    regret,
    repairs,
    survives_one_code_for_all,
    sweep,
)
from lib.models.quantiser import FLOAT16_MAX, HALF_PRODUCTS, EmaQuantiser, QuantiserConfig


@pytest.fixture
def z(generator) -> torch.Tensor:
    return torch.randn(4, 6, 64, 64, generator=generator)


@pytest.fixture
def source() -> EmaQuantiser:
    torch.manual_seed(0)
    config = QuantiserConfig(codebook_size=8, embedding_dim=6, half_products=HALF_PRODUCTS)
    return EmaQuantiser(config)


def test_peaks_equal_naive_loops(z, source):
    flat = z.permute(0, 2, 3, 1).reshape(-1, 6)
    codes = torch.cdist(flat, source.codebook).argmin(1)
    sums = torch.stack([flat[codes == i].sum(0) for i in range(8)])
    peaks = measure_peaks(z, source.codebook)
    assert peaks.ema_sums == pytest.approx(float(sums.abs().max()), rel=1e-5)
    assert peaks.distances == pytest.approx(float((flat @ source.codebook.T).abs().max()), rel=1e-5)
    assert peaks.look_up == pytest.approx(float(source.codebook.abs().max()))


def test_headroom_is_where_the_sums_overflow(z, source):
    """Scaled latents keep their order along a ray, so the sums' codes stay: try both sides."""
    config = replace(bare_config(source.config), half_products=("EMA sums",))
    peaks = measure_peaks(z * 50, source.codebook)
    factor = 50 * peaks.headroom()["EMA sums"]
    assert outcome(source, z, factor=0.9 * factor, config=config) is Outcome.RIGHT
    assert outcome(source, z, factor=1.1 * factor, config=config) is Outcome.POISONED


def test_each_product_fails_in_its_own_way(z, source):
    found = sweep(source, z, [1.0, 1e6])
    assert {product: outcomes[0] for product, outcomes in found.items()} == dict.fromkeys(
        HALF_PRODUCTS, Outcome.RIGHT
    )
    assert found["distances"][1] is Outcome.WRONG_CODES
    assert found["look-up"][1] is Outcome.POISONED  # through codes that moved to such latents
    assert found["EMA sums"][1] is Outcome.POISONED


def test_regret_is_zero_for_nearest_and_about_one_for_random_codes(z, source, generator):
    flat = z.permute(0, 2, 3, 1).reshape(-1, 6)
    nearest = torch.cdist(flat, source.codebook).argmin(1)
    random = torch.randint(8, nearest.shape, generator=generator)
    assert regret(z, source.codebook, nearest) == pytest.approx(0, abs=1e-6)
    assert regret(z, source.codebook, random) == pytest.approx(1, abs=0.05)


def test_only_float32_products_survive_a_loud_batch(z, source):
    factor = 20 * measure_peaks(z, source.codebook).headroom()["EMA sums"]
    results = {
        name: loud_series(source, z, factor=factor, config=config)
        for name, config in repairs(source.config).items()
    }
    broken = results["float16 (v1.0)"]
    assert broken.finite[:2] == [True, True]
    assert not any(broken.finite[3:])  # every later batch is lost, though it is a quiet one
    assert broken.ruined_share > 0
    for name in ("float32", "float32, clamped (v1.0.1)"):
        assert all(results[name].finite), name
        assert results[name].ruined_share == 0


def test_clamps_hide_the_damage_without_undoing_it(z, source):
    factor = 20 * measure_peaks(z, source.codebook).headroom()["EMA sums"]
    config = replace(bare_config(source.config), half_products=("EMA sums",), code_limit=3.0)
    series = loud_series(source, z, factor=factor, config=config)
    assert all(series.finite)
    assert series.ruined_share > 0


def test_one_code_for_all_tells_broken_from_mended(source):
    found = {name: survives_one_code_for_all(c) for name, c in repairs(source.config).items()}
    assert found == {
        "float16 (v1.0)": False,
        "float16, clamped": False,
        "float32": True,
        "float32, clamped (v1.0.1)": True,
    }


def test_unused_codes_start_beyond_float16_unless_reseeded(z, source):
    wide = replace(source.config, codebook_size=64, embedding_dim=6)
    found = {
        reseed: fresh_start(replace(wide, reseed_unused=reseed), 0.01 * z)
        for reseed in (False, True)
    }
    assert found[False].finite == [True, False, False, False]
    assert found[False].largest_code > FLOAT16_MAX
    assert all(found[True].finite)
    single = replace(bare_config(wide), reseed_unused=False)
    assert all(fresh_start(single, 0.01 * z).finite)  # in float32 they are merely out of reach


def test_a_fresh_start_leaves_the_global_generator_alone(z, source):
    before = torch.get_rng_state()
    fresh_start(source.config, z)
    assert torch.equal(torch.get_rng_state(), before)


def test_reseeded_codes_are_drawn_from_the_seed_alone(z, source):
    wide = EmaQuantiser(replace(source.config, codebook_size=64)).train()
    wide.codebook.copy_(torch.arange(64.0)[:, None].expand_as(wide.codebook))  # most stay unused
    config = replace(bare_config(wide.config), reseed_unused=True, half_products=("EMA sums",))
    before = torch.get_rng_state()
    found = {
        seed: [loud_series(wide, z, factor=1e5, config=config, seed=seed) for _ in range(2)]
        for seed in range(4)
    }
    assert all(first == again for first, again in found.values())
    assert torch.equal(torch.get_rng_state(), before)
