"""The EMA quantiser against brute force, an independent implementation, and its own laws."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.models.quantiser import (
    FLOAT16_MAX,
    HALF_PRODUCTS,
    EmaQuantiser,
    QuantiserConfig,
    half_product,
    nearest_codes,
)


def make(k: int = 16, d: int = 8, **options) -> EmaQuantiser:
    torch.manual_seed(0)
    return EmaQuantiser(QuantiserConfig(codebook_size=k, embedding_dim=d, **options))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 60), k=st.integers(1, 40), d=st.integers(1, 24), seed=st.integers(0, 999))
def test_nearest_codes_equal_brute_force_in_float64(n, k, d, seed):
    rng = np.random.default_rng(seed)
    z, codebook = rng.normal(size=(n, d)), rng.normal(size=(k, d))
    distance = ((z[:, None] - codebook[None]) ** 2).sum(-1)
    codes, _ = nearest_codes(torch.tensor(z), torch.tensor(codebook))
    chosen = distance[np.arange(n), codes.numpy()]
    np.testing.assert_allclose(chosen, distance.min(1), rtol=1e-9)


def test_ema_update_equals_vector_quantize_pytorch_over_100_steps(generator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vector_quantize_pytorch import VectorQuantize

        peer = VectorQuantize(
            dim=8,
            codebook_size=16,
            decay=0.99,
            eps=1e-5,
            kmeans_init=False,
            threshold_ema_dead_code=0,
            rotation_trick=False,
        )
    ours = make()
    start = torch.randn(16, 8, generator=generator)
    for buffer in (ours.codebook, ours.code_sums):
        buffer.copy_(start)
    ours.code_counts.fill_(1.0)
    inner = peer._codebook
    inner.embed.data.copy_(start[None])
    inner.embed_avg.data.copy_(start[None])
    inner.cluster_size.data.fill_(1.0)
    peer.train()
    ours.train()
    centres = torch.randn(20, 8, generator=generator)
    for _ in range(100):
        picks = torch.randint(20, (256,), generator=generator)
        z = centres[picks] + 0.1 * torch.randn(256, 8, generator=generator)
        theirs = peer(z[None])[1][0]
        mine = ours(z.T.reshape(1, 8, 16, 16)).codes.flatten()
        assert torch.equal(mine, theirs)
    torch.testing.assert_close(ours.codebook, inner.embed[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.code_counts, inner.cluster_size[0], atol=1e-5, rtol=1e-5)


def test_ema_update_equals_naive_loops(generator):
    quantiser = make(k=5, d=3).train()
    z = torch.randn(2, 3, 4, 4, generator=generator)
    codebook, sums = quantiser.codebook.clone(), quantiser.code_sums.clone()
    codes = quantiser(z).codes
    counts, expected_sums = torch.zeros(5), 0.99 * sums
    for b in range(2):
        for i in range(4):
            for j in range(4):
                code = int(((codebook - z[b, :, i, j]) ** 2).sum(1).argmin())
                assert code == codes[b, i, j]
                counts[code] += 0.01
                expected_sums[code] += 0.01 * z[b, :, i, j]
    total = counts.sum()
    smoothed = (counts + 1e-5) / (total + 5e-5) * total
    torch.testing.assert_close(quantiser.codebook, expected_sums / smoothed[:, None])


def test_evaluation_leaves_every_buffer_unchanged(generator):
    quantiser = make(reseed_unused=True, code_limit=3.0).eval()
    before = {name: value.clone() for name, value in quantiser.state_dict().items()}
    quantiser(torch.randn(2, 8, 4, 4, generator=generator))
    for name, value in quantiser.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_gradient_passes_straight_through_and_commitment_pulls_to_the_code(generator):
    quantiser = make().eval()
    z = torch.randn(1, 8, 2, 2, generator=generator, requires_grad=True)
    out = quantiser(z)
    (gradient,) = torch.autograd.grad((out.latents * 3).sum(), z, retain_graph=True)
    torch.testing.assert_close(gradient, torch.full_like(z, 3.0))
    (pull,) = torch.autograd.grad(out.commitment, z)
    torch.testing.assert_close(pull, 2 * (z - out.latents).detach() / z.numel())


def test_perplexity_counts_equally_used_codes():
    quantiser = make(k=4, d=2).eval()
    quantiser.codebook.copy_(torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]))
    z = torch.tensor([[0.0, 0], [10, 0], [0, 10], [10, 10]]).T.reshape(1, 2, 2, 2)
    assert float(quantiser(z).perplexity) == pytest.approx(4.0)
    assert float(quantiser(torch.zeros(1, 2, 2, 2)).perplexity) == pytest.approx(1.0)


def test_reseeding_replaces_unused_codes_by_latents_of_the_batch(generator):
    quantiser = make(k=64, d=2, reseed_unused=True).train()
    z = 50 + torch.randn(1, 2, 4, 4, generator=generator)
    used = quantiser(z).codes.unique()
    unused = torch.ones(64, dtype=torch.bool)
    unused[used] = False
    assert unused.any()
    rows = z.permute(0, 2, 3, 1).reshape(-1, 2)
    for code in quantiser.codebook[unused]:
        assert (rows == code).all(1).any()


@pytest.mark.parametrize("reset", [False, True])
def test_a_reseeded_code_stays_near_its_seed_only_if_its_averages_start_anew(generator, reset):
    quantiser = make(k=64, d=2, reseed_unused=True, reset_averages=reset).train()
    z = 50 + torch.randn(1, 2, 4, 4, generator=generator)
    for _ in range(20):
        quantiser(z)
    seeds = quantiser.codebook.clone()
    counts = torch.bincount(quantiser.eval()(z).codes.flatten(), minlength=64)
    quantiser.train()(z)
    chosen_now = counts > 0
    moved = (quantiser.codebook - seeds).norm(dim=1)
    if reset:
        assert moved[chosen_now].max() < 5
        near = quantiser.code_sums / quantiser.code_counts[:, None]
        torch.testing.assert_close(near.mean(0), torch.full((2,), 50.0), atol=2, rtol=0)
    else:
        ends = quantiser.code_sums / (quantiser.code_counts[:, None] + 1e-5)
        assert (ends - 50).norm(dim=1).max() > 20, "averages left behind, far from all latents"


def test_half_product_is_what_float16_matmul_gives(generator):
    a = torch.randn(7, 5, generator=generator)
    b = torch.randn(5, 3, generator=generator)
    torch.testing.assert_close(
        half_product(a, b), (a.half() @ b.half()).float(), rtol=2e-3, atol=2e-3
    )
    big = torch.full((1, 2), 200.0)
    assert torch.isinf(half_product(big, big.T)).all()  # 80,000 is beyond 65,504
    assert torch.isfinite(big @ big.T).all()


def test_sums_of_many_latents_overflow_in_half_precision_only():
    z = torch.full((1, 8, 64, 64), FLOAT16_MAX / 64**2 * 1.1)
    assert not torch.isfinite(make(half_products=HALF_PRODUCTS).train()(z).largest_sum)
    assert torch.isfinite(make(half_products=()).train()(z).largest_sum)


def test_a_skipped_step_does_not_undo_the_damage(generator):
    quantiser = make(half_products=HALF_PRODUCTS).train()
    z = torch.randn(1, 8, 64, 64, generator=generator)
    quantiser(z * 1e4)
    assert not torch.isfinite(quantiser(z).commitment)


def test_half_look_up_spoils_the_column_of_an_infinite_code():
    quantiser = make(k=4, d=2, half_products=HALF_PRODUCTS).eval()
    quantiser.codebook[3, 1] = 1e5
    looked = quantiser._look_up(torch.tensor([0, 1]))
    assert torch.isfinite(looked[:, 0]).all()
    assert torch.isnan(looked[:, 1]).all()


def test_clamps_hold(generator):
    quantiser = make(latent_limit=1.0, code_limit=0.5).train()
    quantiser(torch.randn(1, 8, 4, 4, generator=generator) * 100)
    assert quantiser.codebook.abs().max() <= 0.5
    assert quantiser.code_sums.abs().max() < 1 + 16 * 1.0 + 4  # latents counted within +-1


def test_wrong_width_and_bad_options_are_named():
    with pytest.raises(ValueError, match=r"z has 5 features, the codebook has 8"):
        make()(torch.zeros(1, 5, 2, 2))
    with pytest.raises(ValueError, match=r"decay is 1\.5"):
        QuantiserConfig(decay=1.5)
    with pytest.raises(ValueError, match="codebook_size is 0"):
        QuantiserConfig(codebook_size=0)
    with pytest.raises(ValueError, match="half_products holds 'sums'; choose among distances"):
        QuantiserConfig(half_products=("sums",))
