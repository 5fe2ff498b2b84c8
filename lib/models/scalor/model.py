"""SCALOR: videos as objects that are discovered once and then followed (Jiang et al. 2020).

    model = Scalor(ScalorConfig())
    result = model(clips, annealing.at(step), Drawn(generator))
    result.loss.backward()

Nothing is remembered on the model: what one part of a video leaves to the next is `result.state`,
and what changes during training comes in as `Annealed`. Written anew from the paper and the
original code, whose loss and gradients it has where `appearance_floor` is on.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.background import Background
from lib.models.scalor.compose import Canvas, Glimpses, Layer, bounded, empty_layer
from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.discover import Discovery
from lib.models.scalor.encoders import ClipEncoder
from lib.models.scalor.likelihood import blended, ground_probability, mixture
from lib.models.scalor.noise import Noise
from lib.models.scalor.propagate import Propagation
from lib.models.scalor.schedules import Annealed
from lib.models.scalor.sight import sight
from lib.models.scalor.state import Divergences, Objects, State, nothing, together


class FrameObjects(NamedTuple):
    """Objects of one frame: those followed from the frame before, and all proposals."""

    tracked: Objects | None
    proposed: Objects


class ClipResult(NamedTuple):
    """What the model makes of clips. Terms of the loss are nats a frame, one a clip and frame.

    `alpha` is the share of objects in each pixel, `foreground` what they show, times that share.
    `glimpses` is no part of the bound: what colours of the first frame's proposals, and later of
    those followed, miss of their boxes, where that is asked for (see `Glimpses.missed`).
    """

    reconstruction: Float[Tensor, "b t 3 h w"]
    background: Float[Tensor, "b t 3 h w"]
    alpha: Float[Tensor, "b t 1 h w"]
    foreground: Float[Tensor, "b t 3 h w"]
    log_likelihood: Float[Tensor, "b t"]
    divergences: Divergences
    background_kl: Float[Tensor, "b t"]
    glimpses: Float[Tensor, " b"] | None
    objects: tuple[FrameObjects, ...]
    state: State

    @property
    def terms(self) -> dict[str, Float[Tensor, ""]]:
        """Terms of the loss, each a mean over clips and frames."""
        kl = {name: of.mean() for name, of in self.divergences._asdict().items()}
        return {
            "likelihood": -self.log_likelihood.mean(),
            **kl,
            "background": self.background_kl.mean(),
        }

    @property
    def loss(self) -> Float[Tensor, ""]:
        """The negative evidence lower bound, a frame."""
        return torch.stack(list(self.terms.values())).sum()


class Scalor(nn.Module):
    """The whole model; see the module."""

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ClipEncoder(
            config.image_px, config.grid, direct=config.frame_maps == "direct"
        )
        self.glimpses = Glimpses(config)
        self.discovery = Discovery(config)
        self.propagation = Propagation(config)
        self.background = Background(config)

    def multiply_in(self, dtype: torch.dtype) -> "Scalor":
        """Let convolutions multiply in `dtype` (bfloat16, where the processor does it itself)."""
        self.glimpses.dtype = self.background.dtype = dtype
        return self

    def forward(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        annealed: Annealed,
        noise: Noise,
        state: State | None = None,
        behind: Float[Tensor, "n 3 y x"] | None = None,
    ) -> ClipResult:
        """Reconstruct `clips`, pixels in [0, 1], going on from `state` where there is one.

        `behind` is what a camera sees behind everybody, if the model's background is remembered.

        Raises `ValueError` for frames of another size than the model's, and for a background that
        is missing or not asked for.
        """
        t, (h, w) = clips.shape[1], clips.shape[3:]
        if t == 0:
            raise ValueError("clips have no frames; give at least one")
        if (h, w) != (self.config.image_px, self.config.image_px):
            raise ValueError(
                f"clips have {h} x {w} pixels; this model takes {self.config.image_px} x "
                f"{self.config.image_px}: resize them"
            )
        seen = sight(clips, behind, self.config)
        maps, encoder = self.encoder(seen.whole, state.encoder if state else ())
        first = state.frame if state else 0
        objects = state.objects if state else nothing(clips, self.config)
        frames, layers, divergences = [], [], []
        for number in range(t):
            frame, layer, kl = self._frame(
                seen.glimpses[:, number], maps[:, number], objects, first + number, annealed, noise
            )
            objects = self._carried(frame) if annealed.drawn else nothing(clips, self.config)
            if not annealed.through_time:
                objects = objects.detach()
            frames.append(frame)
            layers.append(layer)
            divergences.append(kl)
        alpha = bounded(torch.stack([layer.alpha for layer in layers], dim=1))
        foreground = torch.stack([layer.colour for layer in layers], dim=1)
        scene = state.scene if state else None
        if seen.behind is None:
            pictures, background_kl, scene = self.background(clips, alpha, scene, noise)
        else:
            pictures, background_kl = seen.behind, clips.new_zeros(clips.shape[:2])
        reconstruction = foreground + (1 - alpha) * pictures
        sigma = self.config.sigma * annealed.sigma_share
        return ClipResult(
            reconstruction=reconstruction,
            background=pictures,
            alpha=alpha,
            foreground=foreground,
            log_likelihood=(
                self._mixture(clips, foreground, alpha, pictures, seen.shadow, sigma)
                if self.config.likelihood == "mixture"
                else blended(clips, reconstruction, sigma)
            ),
            divergences=Divergences(
                *(torch.stack(of, dim=1) for of in zip(*divergences, strict=True))
            ),
            background_kl=background_kl,
            glimpses=(
                self._missed(clips, pictures, frames, sigma) if annealed.glimpse_weight else None
            ),
            objects=tuple(frames),
            state=State(first + t, objects, scene, encoder),
        )

    @torch.no_grad()
    def ground(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        result: ClipResult,
        behind: Float[Tensor, "n 3 y x"] | None = None,
    ) -> Float[Tensor, "b t 1 h w"]:
        """With which probability each pixel of `clips` shows the background, given its colour.

        `result` is what the model makes of `clips` and `behind`. Models of the blended likelihood
        are read as if each pixel showed one or the other, too.
        """
        return ground_probability(
            clips, result.foreground, result.alpha, result.background, self.config.sigma,
            shadow=sight(clips, behind, self.config).shadow,
            ground_sigma=self.config.ground_sigma, surprise=self.config.surprise,
        )  # fmt: skip

    def imagine(
        self,
        state: State,
        frames: int,
        annealed: Annealed,
        noise: Noise,
        behind: Float[Tensor, "b 3 h w"] | None = None,
    ) -> Float[Tensor, "b t 3 h w"]:
        """Go on from `state` without looking: objects and background are drawn from their priors.

        No object is born. Where the background is remembered it is `behind`, without shadows.
        """
        clips, scene, objects = len(state.encoder[0][0]), state.scene, state.objects
        pictures = []
        for _ in range(frames):
            objects = self.propagation.imagine(
                objects, temperature=annealed.temperature, noise=noise
            )
            objects = objects.of(objects.presence[:, 0] > 0)
            layer = self.glimpses.layer(objects, self._canvas(clips))
            background = behind
            if background is None:
                background, scene = self.background.imagine(clips, scene, noise)
            pictures.append(layer.colour + (1 - bounded(layer.alpha)) * background)
        return torch.stack(pictures, dim=1)

    def _canvas(self, clips: int) -> Canvas:
        return clips, self.config.image_px, self.config.image_px

    def _frame(
        self,
        frame: Float[Tensor, "b c h w"],
        maps: Float[Tensor, "b d y x"],
        objects: Objects,
        number: int,
        annealed: Annealed,
        noise: Noise,
    ) -> tuple[FrameObjects, Layer, Divergences]:
        """Follow what was there, then propose what is new."""
        b, canvas = len(frame), self._canvas(len(frame))
        tracked, layer, kl = None, empty_layer(frame, canvas), None
        if not annealed.drawn and not annealed.glimpse_weight:
            return FrameObjects(None, nothing(frame, self.config)), layer, _no_divergences(frame)
        if len(objects.clip):
            tracked, kl = self.propagation(
                frame,
                maps,
                objects,
                glimpses=self.glimpses,
                temperature=annealed.temperature,
                noise=noise,
            )
            layer = self.glimpses.layer(tracked, canvas)
        proposed, new_kl = self.discovery(
            frame,
            maps,
            bounded(layer.alpha).detach(),
            objects.counted(b),
            number=number,
            glimpses=self.glimpses,
            annealed=annealed,
            noise=noise,
        )
        if not annealed.drawn:
            return FrameObjects(None, proposed), layer, _no_divergences(frame)
        layer = layer.plus(self.glimpses.layer(proposed, canvas, annealed.opaque))
        kl = new_kl if kl is None else new_kl.plus(kl)
        return FrameObjects(tracked, proposed), layer, kl

    def _carried(self, frame: FrameObjects) -> Objects:
        """Objects that are followed into the next frame."""
        new = frame.proposed.of(frame.proposed.presence[:, 0] > self.config.carried_presence)
        if frame.tracked is None:
            return new
        return together(frame.tracked.of(frame.tracked.presence[:, 0] > 0), new)

    def _mixture(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        foreground: Float[Tensor, "b t 3 h w"],
        alpha: Float[Tensor, "b t 1 h w"],
        pictures: Float[Tensor, "b t 3 h w"],
        shadow: Float[Tensor, "b t 1 h w"] | None,
        sigma: float,
    ) -> Float[Tensor, "b t"]:
        return mixture(
            clips, foreground, alpha, pictures, sigma, shadow=shadow,
            ground_sigma=self.config.ground_sigma, surprise=self.config.surprise,
        )  # fmt: skip

    def _missed(
        self,
        clips: Float[Tensor, "b t 3 h w"],
        pictures: Float[Tensor, "b t 3 h w"],
        frames: list[FrameObjects],
        sigma: float,
    ) -> Float[Tensor, " b"]:
        """Proposals of the first frame, and the mean over later frames of those followed."""
        b, t = clips.shape[:2]
        total = clips.new_zeros(b)
        for number, frame in enumerate(frames):
            objects, share = (frame.tracked, 1 / (t - 1)) if number else (frame.proposed, 1.0)
            if objects is not None and len(objects.clip):
                missed = self.glimpses.missed(clips[:, number], pictures[:, number], objects, sigma)
                total = total + share * objects.per_clip(missed, b)
        return total


def _no_divergences(frame: Float[Tensor, "b 3 h w"]) -> Divergences:
    zero = frame.new_zeros(len(frame))
    return Divergences(zero, zero, zero, zero)
