"""What discovery is told of a frame: maps of it, from the first step on where they are direct."""

import pytest
import torch

from lib.models.scalor.encoders import ClipEncoder, of_equal_contrast


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    """Frames with a dark figure before a pale gradient, each at another place."""
    generator = torch.Generator().manual_seed(0)
    pale = torch.linspace(0.7, 0.9, 64).expand(48, 1, 3, 64, 64).clone()
    for frame in pale:
        top, left = torch.randint(0, 44, (2,), generator=generator).tolist()
        frame[..., top : top + 18, left : left + 8] -= 0.4
    return pale


def test_frames_of_equal_contrast(frames):
    even = of_equal_contrast(frames)
    torch.testing.assert_close(even.mean((3, 4)), torch.zeros(48, 1, 3), atol=1e-5, rtol=0)
    spread = even.square().mean((2, 3, 4)).sqrt()
    assert (spread > 0.7).all()
    assert (spread < 1).all()
    paler = of_equal_contrast(0.5 + 0.5 * frames)
    assert (paler - even).abs().max() < 0.5 * (even.abs().max()), "contrast is evened out"
    nothing_there = of_equal_contrast(torch.full((1, 2, 3, 64, 64), 0.3))
    torch.testing.assert_close(nothing_there, torch.zeros_like(nothing_there), atol=1e-4, rtol=0)


def test_direct_maps_go_on_where_they_stopped(frames):
    torch.manual_seed(0)
    encoder, clip = ClipEncoder(64, 4, direct=True), frames[:6].transpose(0, 1)
    with torch.no_grad():
        whole, _ = encoder(clip)
        first, state = encoder(clip[:, :2])
        rest, _ = encoder(clip[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)
