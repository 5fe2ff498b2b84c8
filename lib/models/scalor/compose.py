"""Objects onto canvases: glimpses of boxes, and layers in which nearer objects weigh more."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.glimpse import (
    DenseGlimpseDecoder,
    DenseGlimpseEncoder,
    GlimpseDecoder,
    GlimpseEncoder,
)
from lib.models.scalor.layers import in_precision
from lib.models.scalor.render import (
    draw,
    drawing_window,
    drawn_at,
    on_canvas,
    read,
    reading_window,
    summed,
)
from lib.models.scalor.state import Objects

EPSILON = 1e-15
OWN_ALPHA, TRACKED_ALPHA = 0.3, 0.1  # from where on a proposal, or a tracked object, covers a pixel
Canvas = tuple[int, int, int]  # clips, rows, columns


class Layer(NamedTuple):
    """Objects drawn on each clip's canvas, not yet divided by their importance.

    Importance is alpha times sigmoid(-depth), so that the nearest object has the most of a pixel
    but never all of it.
    """

    weighted: Float[Tensor, "b 3 h w"]
    importance: Float[Tensor, "b 1 h w"]
    alpha: Float[Tensor, "b 1 h w"]

    def plus(self, other: "Layer") -> "Layer":
        """Both layers' objects."""
        return Layer(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def colour(self) -> Float[Tensor, "b 3 h w"]:
        """What the objects show, each pixel times the alpha there."""
        return self.weighted / (self.importance + EPSILON)


def empty_layer(like: Float[Tensor, "..."], canvas: Canvas) -> Layer:
    """A layer without objects."""
    b, h, w = canvas
    return Layer(*(like.new_zeros(b, channels, h, w) for channels in (3, 1, 1)))


def bounded(alpha: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Alpha in (0, 1), with the gradient it has outside: overlapping objects may add up to more."""
    return alpha + (alpha.clamp(EPSILON, 1 - EPSILON) - alpha).detach()


class Glimpses(nn.Module):
    """Encoder and decoder of glimpses, with the windows that boxes of this model need."""

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        px, self.config = config.glimpse_px, config
        self.encoder: GlimpseEncoder | DenseGlimpseEncoder
        self.decoder: GlimpseDecoder | DenseGlimpseDecoder
        if config.glimpse_layers == "dense":
            self.encoder = DenseGlimpseEncoder(px, config.what, config.channels)
            self.decoder = DenseGlimpseDecoder(px, config.what)
        else:
            self.encoder = GlimpseEncoder(px, config.what, config.channels)
            self.decoder = GlimpseDecoder(px, config.what, deep_heads=config.image_px >= 128)
        bias = self.decoder.alpha.last.bias
        if config.alpha_bias is not None and bias is not None:
            nn.init.constant_(bias, config.alpha_bias)
        self.reading = reading_window(config.largest_box, config.image_px)
        self.drawing = drawing_window(config.largest_box, px, config.image_px)
        self.dtype = torch.float32  # of the convolutions' products

    def look(
        self, images: Float[Tensor, "b c h w"], clip: Tensor, where: Float[Tensor, "n 4"]
    ) -> tuple[Float[Tensor, "n z"], Float[Tensor, "n z"]]:
        """Means and raw standard deviations of what is in the boxes."""
        seen = read(images, clip, where, self.config.glimpse_px, self.reading)
        mean, raw = in_precision(self.encoder, self.dtype, seen).chunk(2, 1)
        return mean, raw

    def decode(self, what: Float[Tensor, "n z"]) -> Float[Tensor, "n 4 g g"]:
        """Colours and alpha of each object's glimpse."""
        return in_precision(self.decoder, self.dtype, what)

    def layer(self, objects: Objects, canvas: Canvas, opaque: float | None = None) -> Layer:
        """The objects that are there at all (presence above `faintest_drawn`), drawn.

        `opaque` replaces what their alpha adds to the canvas, but not their importance: as in the
        original, every cell adds so much to every pixel, which leaves the background nothing.
        """
        objects = objects.of(objects.presence[:, 0] > self.config.faintest_drawn)
        if not len(objects.clip):
            return empty_layer(objects.what, canvas)
        decoded = self.decode(objects.what)
        alpha = decoded[:, 3:] * objects.presence[:, :, None, None]
        painted = torch.cat([alpha * decoded[:, :3], alpha], dim=1)
        placed = draw(painted, objects.clip, objects.where, canvas, self.drawing)
        colour, alpha = placed.pixels[:, :3], placed.pixels[:, 3:]
        importance = alpha * torch.sigmoid(-objects.depth)[:, :, None, None]
        parts = torch.cat([colour * importance, importance, alpha], dim=1)
        total = summed(placed._replace(pixels=parts), canvas)
        drawn = Layer(total[:, :3], total[:, 3:4], total[:, 4:])
        if opaque is None:
            return drawn
        return drawn._replace(alpha=torch.full_like(drawn.alpha, opaque * self.config.cells))

    def missed(
        self,
        images: Float[Tensor, "b 3 h w"],
        background: Float[Tensor, "b 3 h w"],
        objects: Objects,
        sigma: float,
    ) -> Float[Tensor, " n"]:
        """What objects' colours miss of what is in their boxes: squares over 2 sigma^2, summed.

        A black object at alpha 0.4 makes the same pixels as a grey one at 1, and the bound has no
        preference; with this, colours are those of the object, so that alpha must be near 1 on it.
        What boxes show is taken as given: they must not flee what is hard to draw. A pixel counts
        as far as the background does not explain it: appearance is taught, not the scene.
        """
        px = self.config.glimpse_px
        where = objects.where.detach()
        seen, behind = (
            read(of.detach(), objects.clip, where, px, self.reading) for of in (images, background)
        )
        colour = self.decode(objects.what)[:, :3]
        wrong, surprise = ((of - seen).square().sum(1) / (2 * sigma**2) for of in (colour, behind))
        return (wrong * surprise / (1 + surprise)).flatten(1).sum(1)

    @torch.no_grad()
    def covered(
        self, proposed: Objects, tracked_alpha: Float[Tensor, "b 1 h w"]
    ) -> Float[Tensor, " n"]:
        """Share of each proposal's mask that tracked objects cover already, 0 where it has none.

        Only proposals whose window meets a tracked object are decoded.
        """
        b, _, h, w = tracked_alpha.shape
        share = tracked_alpha.new_zeros(len(proposed.clip))
        canvas = (b, h, w)
        places = drawn_at(
            proposed.clip, proposed.where, self.config.glimpse_px, canvas, self.drawing
        )
        taken = F.pad((tracked_alpha > TRACKED_ALPHA).flatten(), (0, 1))[places]
        near = taken.flatten(1).any(1).nonzero()[:, 0]
        if len(near):
            some = proposed.of(near)
            alpha = self.decode(some.what)[:, 3:]
            placed = draw(alpha, some.clip, some.where, canvas, self.drawing)
            own = (placed.pixels[:, 0] > OWN_ALPHA) & on_canvas(placed, canvas)
            share[near] = _share(own, own & taken[near], share.dtype)
        return share


def _share(
    whole: Bool[Tensor, "n y x"], part: Bool[Tensor, "n y x"], dtype: torch.dtype
) -> Float[Tensor, " n"]:
    return part.flatten(1).sum(1).to(dtype) / (whole.flatten(1).sum(1).to(dtype) + EPSILON)
