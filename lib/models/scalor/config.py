"""Sizes and ranges of a SCALOR, with the original's numbers as defaults."""

from dataclasses import dataclass
from typing import Literal, get_args

BackgroundKind = Literal[
    "full", "broadcast", "field", "constant", "scene", "inpainted", "none", "remembered"
]
Likelihood = Literal["blended", "mixture"]
GlimpseLayers = Literal["convolutions", "dense"]
FrameMaps = Literal["recurrent", "direct"]
SIZED = ("full", "broadcast", "constant", "scene", "inpainted")  # made for 64 or 128 pixels
GLIMPSES = (16, 32, 64)
DENSE_PX = 16  # of glimpses that dense layers may read; larger ones have too many weights
CELL_PX = (8, 16, 32)  # pixels of the image a cell may have


@dataclass(frozen=True)
class ScalorConfig:
    """One model. Lengths are in canvas units, in which the image reaches from -1 to 1.

    Defaults are those of the original code (Jiang et al. 2020; `JindongJiang/SCALOR`), with
    128 x 128 pixels and tall boxes for pedestrians: 5,000,002 parameters.

    `background`: ``full`` decodes a vector with convolutions; ``broadcast`` is the original's
    weaker spatial broadcast decoder; ``field`` a 4 x 4 field of colours, enlarged, that cannot draw
    anything small; ``constant`` decodes one vector, drawn once, for every frame; ``none`` is black;
    ``remembered`` is given with the clips: what a camera that does not move sees behind everybody.
    Then discovery is shown what differs from it, and glimpses show both. ``scene`` decodes one
    vector a clip, larger than `background_size`, that all its frames agree on, for such a camera
    too. ``inpainted`` paints each square of a frame from the squares around it, so that it can
    continue a ground, but copy no object.

    `likelihood`: ``blended`` is the original's, of the picture that objects and background make
    together; ``mixture`` says of each pixel that it shows either one or the other, with alpha the
    probability of an object (as in MONet, Burgess et al. 2019). A blend is content with a mask of
    one half, if the object's colours are exaggerated; a mixture is not. What is behind may then be
    known better than what objects look like, with `ground_sigma`, but for a share of `surprise`
    that may be of any colour: so masks end where the ground begins, and what nobody has explained
    yet costs no more than some nats.

    `frame_maps`: what discovery knows of a frame. ``recurrent`` is the original's: what two LSTMs
    made of it, at first far smaller numbers than those of the mask beside them, so that proposals
    begin blind, by the place of their cell alone. ``direct`` has frames of equal contrast, and maps
    of the frame itself added to the LSTMs': where steps are few, objects are found by it.

    Raises `ValueError` for sizes that do not fit together, naming the field.
    """

    image_px: int = 128
    grid: int = 8  # cells along each side, each of which may propose one object a frame
    glimpse_px: int = 64
    glimpse_layers: GlimpseLayers = "convolutions"  # or dense: faster on a CPU, for 16 pixels alone
    frame_maps: FrameMaps = "recurrent"
    what: int = 64
    background_size: int = 10
    background: BackgroundKind = "full"
    shadow: float = 1.0  # light that shadows leave of a remembered background, at least; 1: none
    shadow_cost: float = 4.0  # nats that a pixel without any light would cost
    likelihood: Likelihood = "blended"
    sigma: float = 0.1  # of the Gaussian likelihood, pixels in [0, 1]
    ground_sigma: float | None = None  # of what is behind, in a mixture; None: as of objects
    surprise: float = 0.0
    # Boxes: half sides are scale / sqrt(aspect) across and scale * sqrt(aspect) down
    scale: float = 0.1
    scale_range: float = 0.03
    aspect: float = 2.5
    aspect_range: float = 0.5
    cell_reach: float = 1.0  # cells that a proposal's centre may be away from its cell's
    shift: float = 0.2  # that a tracked object may move in one frame
    # Which objects there are
    carried_presence: float = 0.7  # discovered objects are tracked from this presence on
    absence_limit: float = 0.6  # of summed (1 - presence): from then on an object is gone
    rejected_overlap: float = 0.3  # share of a proposal that tracked objects may cover already
    rival_overlap: float | None = None  # of boxes proposed in a frame: the weaker is rejected
    max_objects: int | None = 45  # a frame, in training; None: as many as there are cells
    faintest_drawn: float = 0.0  # objects no more present than this are not drawn: saves time
    faintest_read: float = 0.0  # proposals less present, and likely so, are not even read
    # Where posteriors start
    appearance_floor: bool = True  # the original's second softplus: std of tracked `what` >= 0.69
    discovery_logit_cap: float | None = None  # None: the original's; else see `gently_capped`
    discovery_presence_bias: float = 0.0
    discovery_where_std_bias: float = 0.0
    what_std_bias: float = 0.0  # of proposals and of what is followed alike
    propagation_presence_bias: float = 2.0
    propagation_where_std_bias: float = -2.0
    prior_presence_bias: float = 5.0
    persistent: bool = False  # followed objects start as they were: size, depth, and looks as read
    alpha_bias: float | None = None  # logit of masks at first; None: drawn, about 0

    def __post_init__(self) -> None:
        if self.image_px % self.grid or self.image_px // self.grid not in CELL_PX:
            raise ValueError(
                f"image_px={self.image_px} with grid={self.grid}: cells must have 8, 16 or 32 "
                "pixels a side, as 128 pixels in 8 x 8 cells or 64 in 4 x 4"
            )
        if self.grid % 2:
            raise ValueError(f"grid={self.grid}: want an even number, since objects look at half")
        if self.image_px not in (64, 128) and self.background in SIZED:
            raise ValueError(f"image_px={self.image_px}: this background takes 64 or 128")
        if self.glimpse_px not in GLIMPSES:
            raise ValueError(f"glimpse_px={self.glimpse_px}: choose one of {GLIMPSES}")
        for name, kinds in (
            ("background", BackgroundKind),
            ("likelihood", Likelihood),
            ("glimpse_layers", GlimpseLayers),
            ("frame_maps", FrameMaps),
        ):
            if getattr(self, name) not in get_args(kinds):
                choices = ", ".join(map(repr, get_args(kinds)))
                raise ValueError(f"{name}={getattr(self, name)!r}: choose among {choices}")
        if self.glimpse_layers == "dense" and self.glimpse_px > DENSE_PX:
            raise ValueError(
                f"glimpse_layers='dense' with glimpse_px={self.glimpse_px}: dense layers take "
                f"glimpses of {DENSE_PX} pixels; take 'convolutions'"
            )
        if not 0 < self.scale_range < self.scale or not 0 <= self.aspect_range < self.aspect:
            raise ValueError(
                f"scale={self.scale}, scale_range={self.scale_range}, aspect={self.aspect}, "
                f"aspect_range={self.aspect_range}: ranges must be smaller than what they vary"
            )
        for name in ("what", "background_size", "max_objects"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: want at least 1")
        if self.discovery_logit_cap is not None and self.discovery_logit_cap <= 0:
            raise ValueError(
                f"discovery_logit_cap={self.discovery_logit_cap}: want a number above 0, or None"
            )
        for name in ("faintest_drawn", "faintest_read"):
            if not 0 <= getattr(self, name) < self.carried_presence:
                raise ValueError(
                    f"{name}={getattr(self, name)}: want 0 or more, less than "
                    f"carried_presence={self.carried_presence}"
                )
        if not 0 < self.shadow <= 1:
            raise ValueError(f"shadow={self.shadow}: want a share of the light, above 0 to 1")
        if self.shadow_cost < 0:
            raise ValueError(f"shadow_cost={self.shadow_cost}: want 0 nats or more")
        if self.rival_overlap is not None and not 0 < self.rival_overlap < 1:
            raise ValueError(
                f"rival_overlap={self.rival_overlap}: want an intersection over union between 0 "
                "and 1, or None"
            )
        for name in ("sigma", "ground_sigma"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}={value}: want a number above 0")
        if not 0 <= self.surprise < 1:
            raise ValueError(f"surprise={self.surprise}: want a probability, 0 or more, below 1")

    @property
    def cells(self) -> int:
        """Proposals a frame."""
        return self.grid**2

    @property
    def channels(self) -> int:
        """Of what glimpses show: the frame, and where it is known what it should be, the change."""
        return 6 if self.background == "remembered" else 3

    @property
    def largest_box(self) -> tuple[float, float]:
        """Largest half sides (down, across), in canvas units."""
        scale = self.scale + self.scale_range
        return (
            scale * (self.aspect + self.aspect_range) ** 0.5,
            scale / (self.aspect - self.aspect_range) ** 0.5,
        )
