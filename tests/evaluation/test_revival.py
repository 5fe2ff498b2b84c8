"""Reseeded codes: followed by hand for a few codes, and by the rule's two variants."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.evaluation.revival import reseeded_code_stays, revival
from lib.models.quantiser import EmaQuantiser, QuantiserConfig
from lib.models.vqvae_versions import VERSIONS

STALE = QuantiserConfig(codebook_size=3, embedding_dim=2, reseed_unused=True)
RESET = replace(STALE, reset_averages=True)
PLAIN = replace(STALE, reseed_unused=False)


def cells(*points: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(points, dtype=torch.float32).T.reshape(1, 2, 1, len(points))


def settled(config: QuantiserConfig) -> EmaQuantiser:
    """Codes at (0, 0), (4, 0) and, far from all latents, (90, 90); each has stood for ten cells."""
    quantiser = EmaQuantiser(config)
    quantiser.codebook.copy_(torch.tensor([[0.0, 0.0], [4.0, 0.0], [90.0, 90.0]]))
    quantiser.code_counts.fill_(10.0)
    quantiser.code_sums.copy_(10 * quantiser.codebook)
    return quantiser


BATCH = cells((0, 0), (0, 0), (4, 0), (4, 0))


class TestByHand:
    def test_stale_averages_take_the_code_back(self):
        found = revival(STALE, [BATCH] * 3, source=settled(STALE))
        assert found.reseeded.tolist() == [1, 1, 1]
        assert found.stayed.tolist() == [0, 0, 0]
        assert found.stayed_share[:2].tolist() == [0, 0]
        assert np.isnan(found.stayed_share[2])
        assert found.used.tolist()[0] == 2

    def test_fresh_averages_let_it_stay(self):
        found = revival(RESET, [BATCH] * 3, source=settled(RESET))
        assert found.stayed_overall == 1.0

    def test_movement_of_the_first_batch(self):
        """From (90, 90) to (0, 0) or (4, 0); the other two stay where their latents are."""
        found = revival(STALE, [BATCH] * 2, source=settled(STALE))
        ways = [np.hypot(90, 90) / 3, np.hypot(86, 90) / 3]
        assert min(abs(found.movement[0] - way) for way in ways) < 0.1

    def test_without_reseeding_nothing_is_asked(self):
        found = revival(PLAIN, [BATCH] * 2, source=settled(PLAIN))
        assert found.reseeded.tolist() == [0, 0]
        assert np.isnan(found.stayed_overall)
        assert found.movement.max() < 0.1
        assert found.used_in_stream == 2

    def test_codes_of_the_stream_are_counted_once(self):
        stream = [cells((0, 0), (0, 0)), cells((4, 0), (4, 0)), cells((0, 0), (4, 0))]
        found = revival(PLAIN, stream, source=settled(PLAIN))
        assert found.used.tolist() == [1, 1, 2]
        assert found.used_in_stream == 2


def test_the_trial_does_not_disturb_training(generator):
    """The quantiser passes through the same states as one that nobody watches."""
    stream = [torch.randn(2, 2, 4, 4, generator=generator) for _ in range(4)]
    found = revival(replace(STALE, codebook_size=20), stream, seed=3)
    torch.manual_seed(3)
    alone = EmaQuantiser(replace(STALE, codebook_size=20)).train()
    for i, z in enumerate(stream):
        before = alone.codebook.clone()
        result = alone(z)
        assert found.used[i] == len(result.codes.unique())
        assert found.reseeded[i] == 20 - found.used[i]
        moved = float((alone.codebook - before).norm(dim=1).mean())
        assert found.movement[i] == pytest.approx(moved, rel=1e-6)


def test_the_source_is_left_as_it_was():
    source = settled(STALE).eval()
    revival(STALE, [BATCH] * 2, source=source)
    assert torch.equal(source.codebook, settled(STALE).codebook)
    assert not source.training


def test_one_batch_is_too_few():
    with pytest.raises(ValueError, match="latents_stream holds 1 batches; give at least 2"):
        revival(STALE, [BATCH])


class TestReseededCodeStays:
    @pytest.mark.parametrize("name", VERSIONS)
    def test_in_no_version_but_where_averages_are_reset(self, name):
        broken = VERSIONS[name].model.quantiser
        assert not reseeded_code_stays(broken)
        assert reseeded_code_stays(replace(broken, reset_averages=True))

    def test_not_where_no_code_is_ever_reseeded(self):
        assert not reseeded_code_stays(QuantiserConfig())
