"""What is behind the objects. Most kinds have a vector a frame, expected from the one before."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.background_parts import (
    BackgroundEncoder,
    BroadcastDecoder,
    ConvolutionalDecoder,
    FieldDecoder,
)
from lib.models.scalor.background_scene import SceneBackground
from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.inpainting import InpaintedBackground
from lib.models.scalor.kl import normal_kl
from lib.models.scalor.layers import in_precision, mean_and_std
from lib.models.scalor.noise import Noise
from lib.models.scalor.state import AveragedScene, FollowedScene, PaintedScene, Scene

HIDDEN = 32  # of the prior's GRU
Pictures: TypeAlias = tuple[Float[Tensor, "b t 3 h w"], Float[Tensor, "b t"], Scene | None]


class Background(nn.Module):
    """Pictures of what is behind the objects, for all frames of clips at once."""

    constant: Float[Tensor, "1 d"]

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config, size, px = config, config.background_size, config.image_px
        self.dtype = torch.float32  # of the convolutions' products
        self.decoder: nn.Module | None = None
        self.clipwise = SceneBackground(px) if config.background == "scene" else None
        self.painter = InpaintedBackground(px) if config.background == "inpainted" else None
        if config.background in ("scene", "inpainted", "none", "remembered"):
            return
        decoders = {"broadcast": BroadcastDecoder, "field": FieldDecoder}
        self.decoder = decoders.get(config.background, ConvolutionalDecoder)(px, size)
        if config.background == "constant":
            self.register_buffer("constant", torch.randn(1, size))
            return
        self.encoder = BackgroundEncoder(px, size)
        self.prior_gru = nn.GRUCell(size, HIDDEN)
        self.prior = nn.Linear(HIDDEN, 2 * size)

    def forward(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        alpha: Float[Tensor, "b t 1 h w"],
        scene: Scene | None,
        noise: Noise,
    ) -> Pictures:
        """Pictures, divergences in nats, and what the last frame leaves to the next."""
        b, t = clips.shape[:2]
        pictures: Pictures
        if self.clipwise is not None:
            assert isinstance(scene, AveragedScene | None)
            pictures = self.clipwise(clips, alpha, scene, noise, self.dtype)
            return pictures
        if self.painter is not None:
            pictures = self.painter(clips, alpha, noise, self.dtype)
            return pictures
        if self.decoder is None:
            return torch.zeros_like(clips), clips.new_zeros(b, t), None
        if self.config.background == "constant":
            picture = self.decoder(self.constant.to(clips.dtype))
            return picture.expand_as(clips), clips.new_zeros(b, t), None
        assert isinstance(scene, FollowedScene | None)
        return self._followed(self.decoder, torch.cat([clips, 1 - alpha], dim=2), scene, noise)

    def imagine(
        self, clips: int, scene: Scene | None, noise: Noise
    ) -> tuple[Float[Tensor, "b 3 h w"], Scene | None]:
        """One more frame's picture, its vector drawn from the prior, or the same as before.

        Raises `ValueError` where the background is inpainted, and `scene` is None.
        """
        px, like = self.config.image_px, next(self.parameters(), torch.zeros(1))
        if self.clipwise is not None:
            assert isinstance(scene, AveragedScene | None)
            return self.clipwise.imagine(clips, scene, noise, self.dtype)
        if self.painter is not None:
            assert isinstance(scene, PaintedScene | None)
            return self.painter.imagine(scene)
        if self.decoder is None:
            return like.new_zeros(clips, 3, px, px), None
        if self.config.background == "constant":
            return self.decoder(self.constant).expand(clips, -1, -1, -1), None
        assert isinstance(scene, FollowedScene | None)
        if scene is None:
            mean = like.new_zeros(clips, self.config.background_size)
            (mean, std), hidden = (mean, torch.ones_like(mean)), like.new_zeros(clips, HIDDEN)
        else:
            (mean, std), hidden = self._expected(scene)
        vector = mean + std * noise.normal("background", mean)
        return self.decoder(vector), FollowedScene(vector, hidden)

    def _followed(
        self,
        decoder: nn.Module,
        seen: Float[Tensor, "b t 4 h w"],
        scene: FollowedScene | None,
        noise: Noise,
    ) -> Pictures:
        """A vector a frame; each is expected to be the one before, and a step."""
        b, t = seen.shape[:2]
        mean, std = mean_and_std(in_precision(self.encoder, self.dtype, seen.flatten(0, 1)))
        vectors = mean + std * noise.normal("background", mean)
        pictures = in_precision(decoder, self.dtype, vectors).unflatten(0, (b, t))
        mean, std, vectors = (of.unflatten(0, (b, t)) for of in (mean, std, vectors))
        divergences = []
        for frame in range(t):
            if scene is None:
                expected = (torch.zeros_like(mean[:, 0]), torch.ones_like(mean[:, 0]))
                hidden = mean.new_zeros(b, HIDDEN)
            else:
                expected, hidden = self._expected(scene)
            kl = normal_kl(mean[:, frame], std[:, frame], *expected).sum(1)
            scene = FollowedScene(vectors[:, frame], hidden)
            divergences.append(kl)
        return pictures, torch.stack(divergences, dim=1), scene

    def _expected(self, scene: FollowedScene) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Mean and standard deviation of the next vector: the last one, and a step."""
        hidden = self.prior_gru(scene.vector, scene.hidden)
        step, std = mean_and_std(self.prior(hidden))
        return (scene.vector + step, std), hidden
