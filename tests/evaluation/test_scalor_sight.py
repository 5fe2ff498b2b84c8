"""Whether proposals depend on the frame: known answers, and both kinds of maps."""

import numpy as np
import pytest
import torch
from torch import nn

from lib.evaluation.scalor_sight import seen_share
from lib.models.scalor import Scalor, ScalorConfig


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Frames with a dark figure before a pale gradient, each at another place."""
    rng = np.random.default_rng(0)
    pale = np.broadcast_to(np.linspace(180, 230, 64)[:, None], (48, 64, 64, 3)).copy()
    for frame in pale:
        top, left = rng.integers(0, 44, 2)
        frame[top : top + 18, left : left + 8] -= 100
    return pale.round().astype(np.uint8)


def made(maps: str) -> Scalor:
    torch.manual_seed(0)
    return Scalor(ScalorConfig(image_px=64, grid=4, glimpse_px=16, what=8, frame_maps=maps)).eval()


class Told(nn.Module):
    """Presence that is a part the frame's brightness and a part the place's, as given."""

    def __init__(self, bright: float, place: float) -> None:
        super().__init__()
        self.bright, self.place = bright, place

    def forward(self, maps, alpha):
        place = torch.linspace(-1, 1, 16).view(1, 1, 4, 4).expand(len(maps), -1, -1, -1)
        bright = maps.mean((1, 2, 3), keepdim=True)
        presence = self.bright * (bright - bright.mean()) / bright.std(correction=0)
        presence = presence + self.place * place / place.std(correction=0)
        return presence, presence, presence


@pytest.mark.parametrize(("bright", "place"), [(1.0, 0.0), (0.0, 1.0), (3.0, 4.0)])
def test_share_of_what_is_put_together_by_hand(frames, bright, place):
    model = made("direct")
    model.discovery.net = Told(bright, place)
    wanted = bright**2 / (bright**2 + place**2)
    assert seen_share(model, frames) == pytest.approx(wanted, abs=1e-3)


def test_proposals_begin_blind_unless_maps_are_direct(frames):
    assert seen_share(made("recurrent"), frames) < 0.01
    assert seen_share(made("direct"), frames) > 0.2


def test_one_frame_says_nothing(frames):
    with pytest.raises(ValueError, match="frames has 1: want at least two that differ"):
        seen_share(made("direct"), frames[:1])
