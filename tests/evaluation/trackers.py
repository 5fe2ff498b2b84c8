"""Small untrained trackers that see objects everywhere, for tests."""

from dataclasses import replace

import torch

from lib.models.scalor import Scalor, ScalorConfig

SMALL = ScalorConfig(
    image_px=64, grid=4, glimpse_px=16, what=4, scale=0.26, scale_range=0.1, aspect=1.0,
    aspect_range=0.3, background="field", discovery_presence_bias=3.0, max_objects=None,
    propagation_presence_bias=0.0,
)  # fmt: skip


REMEMBERING = replace(
    SMALL, background="remembered", frame_maps="direct", likelihood="mixture", shadow=0.5
)


def crowded(config: ScalorConfig = SMALL) -> Scalor:
    """Masks reach over half, so that there are boxes; the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = Scalor(config)
    with torch.no_grad():
        model.glimpses.decoder.alpha.last.weight.mul_(4)
        model.glimpses.decoder.alpha.last.bias.fill_(1.0)
    return model.eval()
