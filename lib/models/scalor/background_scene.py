"""A background for cameras that do not move: one vector a clip, drawn once, and one picture."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.background_parts import BackgroundEncoder, SceneDecoder
from lib.models.scalor.kl import normal_kl
from lib.models.scalor.layers import in_precision, mean_and_std
from lib.models.scalor.noise import Noise
from lib.models.scalor.state import AveragedScene

SCENE_CODE = 64  # numbers of the vector: it says all there is to say of a clip's ground


class SceneBackground(nn.Module):
    """One picture a clip, from what its frames say on average of what objects leave free."""

    def __init__(self, image_px: int) -> None:
        super().__init__()
        self.encoder = BackgroundEncoder(image_px, SCENE_CODE)
        self.decoder = SceneDecoder(image_px, SCENE_CODE)

    def forward(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        alpha: Float[Tensor, "b t 1 h w"],
        scene: AveragedScene | None,
        noise: Noise,
        dtype: torch.dtype,
    ) -> tuple[Float[Tensor, "b t 3 h w"], Float[Tensor, "b t"], AveragedScene]:
        """The picture behind every frame, divergences in nats, and all that was learned so far.

        Of the one divergence, from N(0, 1), each frame has an equal share. Of a video in parts,
        each part has what it adds to it, which may be less than nothing: so all parts' divergences
        sum to that of the whole, wherever it was cut.
        """
        b, t = clips.shape[:2]
        scene = self._unseen(b) if scene is None else scene
        seen = torch.cat([clips, 1 - alpha], dim=2).flatten(0, 1)
        raw = in_precision(self.encoder, dtype, seen).unflatten(0, (b, t))
        total, frames = scene.total + raw.sum(1), scene.frames + t
        mean, std = mean_and_std(total / frames)
        vector = mean + std * noise.normal("background", mean)
        kl = normal_kl(mean, std).sum(1)
        picture = in_precision(self.decoder, dtype, vector)
        added = (kl - scene.counted) / t
        return (
            picture[:, None].expand_as(clips),
            added[:, None].expand(-1, t),
            AveragedScene(vector, total, frames, kl),
        )

    def imagine(
        self, clips: int, scene: AveragedScene | None, noise: Noise, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "b 3 h w"], AveragedScene]:
        """The same picture once more; of a scene that nobody saw, its vector is drawn from N(0, 1).

        Frames that are only imagined teach nothing about the scene.
        """
        if scene is None:
            scene = self._unseen(clips)
            scene = scene._replace(vector=noise.normal("background", scene.vector))
        return in_precision(self.decoder, dtype, scene.vector), scene

    def _unseen(self, clips: int) -> AveragedScene:
        like = next(self.parameters())
        return AveragedScene(
            vector=like.new_zeros(clips, SCENE_CODE),
            total=like.new_zeros(clips, 2 * SCENE_CODE),
            frames=like.new_zeros(clips, 1),
            counted=like.new_zeros(clips),
        )
