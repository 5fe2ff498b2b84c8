"""The background: a vector a frame, with a prior that follows the one before, and its picture."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.celu import Celu
from lib.models.scalor.config import ScalorConfig
from lib.models.scalor.kl import normal_kl
from lib.models.scalor.layers import conv, enlarge, in_precision, mean_and_std
from lib.models.scalor.noise import Noise
from lib.models.scalor.state import Scene

HIDDEN = 32  # of the prior's GRU
FIELD = 4  # side of the field of colours


class BackgroundEncoder(nn.Module):
    """Frames, and what is not covered by objects, to means and raw standard deviations."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        layers = [conv(4, 16, 4, 2, groups=4), conv(16, 32, 4, 2), conv(32, 64, 4, 2)]
        layers.append(conv(64, 64, 4, 2))
        if image_px == 128:
            layers.append(conv(64, 64, 4, 2))
        self.down = nn.Sequential(*layers, nn.Conv2d(64, 2 * size, 4))

    def forward(self, seen: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n twice"]:
        """Means, then what becomes standard deviations after a softplus."""
        raw: Tensor = self.down(seen).flatten(1)
        return raw


class ConvolutionalDecoder(nn.Module):
    """A vector to a picture in (0, 1), by sub-pixel convolutions."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        layers = [conv(size, 256, 1, groups=16)]
        if image_px == 128:
            layers += [enlarge(256, 256, 4, groups=16), conv(256, 256, 3, groups=16)]
            layers += [enlarge(256, 128, 4, groups=16), conv(128, 128, 3, groups=16)]
            layers += [enlarge(128, 64, 2), conv(64, 64, 3)]
        else:
            layers += [enlarge(256, 128, 4, groups=16), conv(128, 128, 3, groups=16)]
            layers += [enlarge(128, 64, 4), conv(64, 64, 3)]
        layers += [enlarge(64, 16, 4, groups=4), conv(16, 16, 3, groups=4)]
        last = [conv(16, 16, 3, groups=4), nn.Conv2d(16, 3, 3, padding=1)]
        self.up = nn.Sequential(*layers, *last)

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        return torch.sigmoid(self.up(vectors[:, :, None, None]))


class BroadcastDecoder(nn.Module):
    """A vector at every pixel, beside its place, through few convolutions (Watters et al. 2019)."""

    places: Float[Tensor, "2 h w"]

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        wide = [nn.Conv2d(size + 2, 64, 5, padding=2), Celu(), nn.GroupNorm(8, 64)]
        for _ in range(2 if image_px == 128 else 1):
            wide += [nn.Conv2d(64, 64, 5, padding=2), Celu(), nn.GroupNorm(8, 64)]
        self.net = nn.Sequential(*wide, nn.Conv2d(64, 3, 3, padding=1))
        line = torch.linspace(-1, 1, image_px)
        places = torch.stack(torch.meshgrid(line, line, indexing="ij"))
        self.register_buffer("places", places, persistent=False)

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        h, w = self.places.shape[1:]
        places = self.places.to(vectors.dtype).expand(len(vectors), -1, -1, -1)
        spread = vectors[:, :, None, None].expand(-1, -1, h, w)
        return torch.sigmoid(self.net(torch.cat([places, spread], dim=1)))


class FieldDecoder(nn.Module):
    """A vector to few colours, enlarged: nothing small can be drawn, so objects must be."""

    def __init__(self, image_px: int, size: int) -> None:
        super().__init__()
        self.image_px = image_px
        self.field = nn.Sequential(nn.Linear(size, 64), Celu(), nn.Linear(64, 3 * FIELD**2))

    def forward(self, vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n 3 h w"]:
        """One picture a vector."""
        colours = self.field(vectors).view(-1, 3, FIELD, FIELD)
        return torch.sigmoid(F.interpolate(colours, self.image_px, mode="bilinear"))


class Background(nn.Module):
    """Pictures of what is behind the objects, for all frames of clips at once."""

    constant: Float[Tensor, "1 d"]

    def __init__(self, config: ScalorConfig) -> None:
        super().__init__()
        self.config, size, px = config, config.background_size, config.image_px
        self.dtype = torch.float32  # of the convolutions' products
        self.decoder: nn.Module | None = None
        if config.background in ("none", "remembered"):
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
    ) -> tuple[Float[Tensor, "b t 3 h w"], Float[Tensor, "b t"], Scene | None]:
        """Pictures, divergences in nats, and what the last frame leaves to the next."""
        b, t = clips.shape[:2]
        if self.decoder is None:
            return torch.zeros_like(clips), clips.new_zeros(b, t), None
        if self.config.background == "constant":
            picture = self.decoder(self.constant.to(clips.dtype))
            return picture.expand_as(clips), clips.new_zeros(b, t), None
        seen = torch.cat([clips, 1 - alpha], dim=2).flatten(0, 1)
        mean, std = mean_and_std(in_precision(self.encoder, self.dtype, seen))
        vectors = mean + std * noise.normal("background", mean)
        pictures = in_precision(self.decoder, self.dtype, vectors).unflatten(0, (b, t))
        mean, std, vectors = (of.unflatten(0, (b, t)) for of in (mean, std, vectors))
        divergences = []
        for frame in range(t):
            if scene is None:
                expected = (torch.zeros_like(mean[:, 0]), torch.ones_like(mean[:, 0]))
                hidden = mean.new_zeros(b, HIDDEN)
            else:
                expected, hidden = self._expected(scene)
            kl = normal_kl(mean[:, frame], std[:, frame], *expected).sum(1)
            scene = Scene(vectors[:, frame], hidden)
            divergences.append(kl)
        return pictures, torch.stack(divergences, dim=1), scene

    def imagine(
        self, clips: int, scene: Scene | None, noise: Noise
    ) -> tuple[Float[Tensor, "b 3 h w"], Scene | None]:
        """One more frame's picture, its vector drawn from the prior."""
        px, like = self.config.image_px, next(self.parameters(), torch.zeros(1))
        if self.decoder is None:
            return like.new_zeros(clips, 3, px, px), None
        if self.config.background == "constant":
            return self.decoder(self.constant).expand(clips, -1, -1, -1), None
        if scene is None:
            mean = like.new_zeros(clips, self.config.background_size)
            (mean, std), hidden = (mean, torch.ones_like(mean)), like.new_zeros(clips, HIDDEN)
        else:
            (mean, std), hidden = self._expected(scene)
        vector = mean + std * noise.normal("background", mean)
        return self.decoder(vector), Scene(vector, hidden)

    def _expected(self, scene: Scene) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Mean and standard deviation of the next vector: the last one, and a step."""
        hidden = self.prior_gru(scene.vector, scene.hidden)
        step, std = mean_and_std(self.prior(hidden))
        return (scene.vector + step, std), hidden
