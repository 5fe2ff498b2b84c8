"""Frames to maps with one place a cell: convolutions, then two convolutional LSTMs over time."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.models.scalor.layers import conv

FEATURES = 64
LAYERS = 2  # of the convolutional LSTM
LEAST_SPREAD = 0.02  # of a frame's pixels: the noise of an empty frame is not made large

LstmState = tuple[Float[Tensor, "b d y x"], Float[Tensor, "b d y x"]]


class ImageEncoder(nn.Module):
    """One frame to [64, grid, grid], with a lateral connection at the end."""

    def __init__(self, image_px: int, grid: int) -> None:
        super().__init__()
        layers = [
            conv(3, 16, 4, 2, groups=4),
            conv(16, 16, 3, groups=4),
            conv(16, 32, 4, 2),
            conv(32, 32, 3),
            conv(32, 64, 4, 2),
            conv(64, 64, 3),
        ]
        cell_px, width = image_px // grid, 64
        if image_px == 64 and cell_px == 16:
            layers.append(conv(64, 64, 4, 2))
        elif cell_px >= 16:
            if cell_px == 32:
                layers += [conv(64, 64, 4, 2), conv(64, 64, 3)]
            layers.append(conv(64, 128, 4, 2, groups=16))
            width = 128
        self.down = nn.Sequential(*layers, conv(width, FEATURES, 1, groups=16))
        self.lateral = nn.Sequential(conv(FEATURES, FEATURES, 3), conv(FEATURES, FEATURES, 3))
        self.join = conv(2 * FEATURES, FEATURES, 3)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d y x"]:
        """Maps of the frames."""
        maps = self.down(images)
        joined: Tensor = self.join(torch.cat([maps, self.lateral(maps)], dim=1))
        return joined


class ConvLstm(nn.Module):
    """A convolutional LSTM with peepholes (Shi et al. 2015), 3 x 3.

    As in the original code, the output gate looks at the cell before the frame, not after it.
    """

    def __init__(self, features: int, grid: int) -> None:
        super().__init__()
        shape = (1, features, grid, grid)
        self.peep_input = nn.Parameter(torch.zeros(shape))
        self.peep_forget = nn.Parameter(torch.zeros(shape))
        self.peep_output = nn.Parameter(torch.zeros(shape))
        self.of_input = nn.Conv2d(features, 4 * features, 3, padding=1)
        self.of_hidden = nn.Conv2d(features, 4 * features, 3, padding=1, bias=False)

    def forward(
        self, maps: Float[Tensor, "b t d y x"], state: LstmState | None
    ) -> tuple[Float[Tensor, "b t d y x"], LstmState]:
        """Hidden states of all frames, and the state after the last; `state` None at the start."""
        b, t = maps.shape[:2]
        given = self.of_input(maps.flatten(0, 1)).unflatten(0, (b, t))  # all frames at once
        hidden, cell = state or (torch.zeros_like(maps[:, 0]), torch.zeros_like(maps[:, 0]))
        outputs = []
        for frame in range(t):
            gates = given[:, frame] + self.of_hidden(hidden)
            enter, forget, leave, new = gates.chunk(4, dim=1)
            enter = (enter + cell * self.peep_input).sigmoid()
            forget = (forget + cell * self.peep_forget).sigmoid()
            leave = (leave + cell * self.peep_output).sigmoid()
            cell = forget * cell + enter * new.tanh()
            hidden = leave * cell.tanh()
            outputs.append(hidden)
        return torch.stack(outputs, dim=1), (hidden, cell)


class ClipEncoder(nn.Module):
    """Clips to maps of all frames; the second LSTM reads the first one's hidden states.

    `direct` adds maps of each frame itself to those of the LSTMs.
    """

    def __init__(self, image_px: int, grid: int, *, direct: bool = False) -> None:
        super().__init__()
        self.direct = direct
        self.image = ImageEncoder(image_px, grid)
        self.lstm = nn.ModuleList(ConvLstm(FEATURES, grid) for _ in range(LAYERS))

    def forward(
        self, clips: Float[Tensor, "b t 3 h w"], state: tuple[LstmState, ...] = ()
    ) -> tuple[Float[Tensor, "b t d y x"], tuple[LstmState, ...]]:
        """Maps [b, t, 64, grid, grid], and the state after the last frame."""
        maps = of_frames = self.image(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        states = []
        for number, layer in enumerate(self.lstm):
            maps, after = layer(maps, state[number] if state else None)
            states.append(after)
        return maps + of_frames if self.direct else maps, tuple(states)


def of_equal_contrast(clips: Float[Tensor, "b t 3 h w"]) -> Float[Tensor, "b t 3 h w"]:
    """Each frame's channels around 0, and all of them together of about the same spread."""
    centred = clips - clips.mean((3, 4), keepdim=True)
    spread = centred.square().mean((2, 3, 4), keepdim=True).sqrt()
    return centred / (spread + LEAST_SPREAD)
