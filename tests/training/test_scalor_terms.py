"""The study's terms: their scale, who learns from them, what is drawn."""

import pytest
import torch

from lib.data.pretrained import read_lpips_weights
from lib.models.vgg_features import VggFeatures, feature_nll
from lib.training.scalor_terms import Adversarial, Adversary, Perceptual, PerceptualTerm


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return read_lpips_weights("vgg")


@pytest.fixture
def clips(generator) -> tuple[torch.Tensor, torch.Tensor]:
    made, real = (torch.rand(2, 3, 3, 32, 32, generator=generator) for _ in range(2))
    return made, real


def test_the_perceptual_term_is_the_studys_sum_over_frames(weights, clips, generator):
    made, real = clips
    term = PerceptualTerm(Perceptual(weight=0.5), weights)(made, real, generator)
    features = VggFeatures(weights, normalise=False)
    by_hand = 0.0
    for clip in range(2):
        for frame in range(3):
            nll = feature_nll(features, made[clip, frame][None], real[clip, frame][None])
            by_hand += 0.5 * float(nll) / 2  # mean over clips
    assert float(term) == pytest.approx(by_hand, rel=1e-4)


def test_some_frames_stand_for_all_on_average(weights, clips, generator):
    made, real = clips
    whole = PerceptualTerm(Perceptual(), weights)(made, real, generator)
    some = PerceptualTerm(Perceptual(frames=2), weights)
    drawn = torch.stack([some(made, real, generator) for _ in range(60)])
    assert drawn.std() > 0
    assert abs(float(drawn.mean() - whole)) < 4 * float(drawn.std()) / 60**0.5


def test_the_adversary_learns_only_in_its_steps(clips):
    made, real = clips
    torch.manual_seed(0)
    adversary = Adversary(Adversarial(every=3), 32, device="cpu")
    before = [value.clone() for value in adversary.discriminator.parameters()]
    assert float(adversary(made, real, 1)) == 0
    assert all(
        torch.equal(one, two)
        for one, two in zip(before, adversary.discriminator.parameters(), strict=True)
    )
    wanted = made.clone().requires_grad_()
    adversary(wanted, real, 3).backward()
    assert wanted.grad is not None
    assert wanted.grad.abs().sum() > 0
    assert not torch.equal(before[0], next(adversary.discriminator.parameters()))
    assert all(
        value.grad is None or not value.requires_grad
        for value in adversary.discriminator.parameters()
    )


def test_the_adversary_comes_to_tell_noise_from_flat_frames():
    torch.manual_seed(0)
    adversary = Adversary(Adversarial(every=1, learning_rate=1e-3), 32, device="cpu")
    real = torch.rand(2, 2, 1, 1, 1).expand(2, 2, 3, 32, 32)
    first = None
    for step in range(60):
        adversary(torch.rand(2, 2, 3, 32, 32), real, step)
        first = first or adversary.last["discriminator"]
    assert adversary.last["discriminator"] < first / 3
    assert adversary.last["adversarial"] > 1000 * 2  # more than chance, of two frames


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: Perceptual(weight=0.0), "weight=0.0: want a number above 0"),
        (lambda: Perceptual(frames=0), "frames=0: want at least 1"),
        (lambda: Adversarial(every=0), "every=0: want at least 1 step"),
        (lambda: Adversarial(learning_rate=-1.0), "learning_rate=-1.0"),
    ],
)
def test_settings_that_make_no_sense_are_told(wrong, told):
    with pytest.raises(ValueError, match=told):
        wrong()
