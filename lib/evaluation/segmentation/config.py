"""How a sequence is cut into segments: every step of the method, and its three sizes."""

from dataclasses import dataclass
from typing import Literal, get_args

Reduction = Literal["umap", "pca", "none"]
Clustering = Literal["hdbscan", "kmeans"]
Selection = Literal["leaf", "eom"]


@dataclass(frozen=True)
class SegmentationConfig:
    """What is done to the features of a sequence. The write-up fixes the order, not the numbers.

    Raises `ValueError` for values that make no sense, naming the field.
    """

    # Features
    scales: tuple[float, ...] = (0.5, 1.0)  # of the frames' own size
    stride_px: int = 4  # side of a cell of the grid on which pixels are described
    margin_px: int = 32  # mirrored around the frame, cut off after: padding marks places otherwise
    balance: bool = True  # each map of each scale as unit vectors, so that all weigh alike
    batch_frames: int = 4  # frames in memory at once
    # Post-processing
    components: int | None = 64  # principal components kept; None: features stay as they are
    whiten: bool = False  # components to unit variance
    l2: bool = True  # to unit length, so that distances are of angles
    pca_frames: int = 8  # evenly spread over the sequence
    pca_pixels: int = 8192
    # Clusters, from a sample
    fit_frames: int = 64  # evenly spread over the sequence
    fit_pixels: int = 20_000
    reduction: Reduction = "umap"
    embedding_dim: int = 5
    neighbours: int = 30
    min_distance: float = 0.0  # clusters may be dense: nothing has to be read off a map
    epochs: int = 200
    clustering: Clustering = "hdbscan"
    min_cluster_share: float = 0.02  # of the sample; smaller ones are noise
    min_samples: int = 10
    selection: Selection = "leaf"  # of HDBSCAN's tree; "eom" may put all but a corner into one
    clusters: int = 16  # of k-means; HDBSCAN finds their number
    # Labels of all pixels
    references: int = 8192  # of the sample, with which new pixels are compared
    votes: int = 5  # nearest references that vote
    fill_noise: bool = True  # pixels of no cluster join the nearest; the share is reported anyway
    clean_up_px: int = 0  # radius of the guided filter on the votes; 0: none
    clean_up_contrast: float = 0.05  # of brightness in [0, 1]; stronger edges are followed

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales={self.scales}: want at least one, all above 0, as (0.5, 1.0)")
        for name, known in (
            ("reduction", Reduction),
            ("clustering", Clustering),
            ("selection", Selection),
        ):
            if getattr(self, name) not in get_args(known):
                choices = ", ".join(map(repr, get_args(known)))
                raise ValueError(f"{name}={getattr(self, name)!r}: choose among {choices}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}={value}: want at least {least}")
        if not 0 < self.min_cluster_share < 0.5:
            raise ValueError(f"min_cluster_share={self.min_cluster_share}: want 0 < share < 0.5")
        if self.clean_up_contrast <= 0 or self.min_distance < 0:
            raise ValueError(
                f"clean_up_contrast={self.clean_up_contrast}, min_distance={self.min_distance}: "
                "want the first above 0, the second at least 0"
            )

    @property
    def min_cluster_pixels(self) -> int:
        """Smallest cluster, in pixels of the sample."""
        return max(2, round(self.min_cluster_share * self.fit_pixels))

    @classmethod
    def preset(cls, name: Literal["tiny", "small", "full"]) -> "SegmentationConfig":
        """The numbers for a preset.

        - tiny: 24 frames of 144 x 256 in at most 20 s on 2 CPU cores, the trunk's time included.
        - small: UMAP and HDBSCAN of 24 frames of 200 x 320 in at most 60 s on 2 CPU cores.
        - full: for a GPU; UMAP stays on the CPU, some minutes, for the sake of the seed.
        """
        if name not in _PRESETS:
            raise ValueError(f"preset={name!r}: choose among {', '.join(map(repr, _PRESETS))}")
        return _PRESETS[name]


_LEAST = {
    "stride_px": 1,
    "batch_frames": 1,
    "margin_px": 0,
    "components": 1,
    "pca_frames": 1,
    "pca_pixels": 2,
    "fit_frames": 1,
    "fit_pixels": 4,
    "embedding_dim": 1,
    "neighbours": 2,
    "epochs": 1,
    "min_samples": 1,
    "clusters": 1,
    "references": 1,
    "votes": 1,
    "clean_up_px": 0,
}

_PRESETS = {
    "tiny": SegmentationConfig(
        pca_frames=4, pca_pixels=4096, fit_pixels=6000, epochs=100,
        references=6000,
    ),
    "small": SegmentationConfig(scales=(0.5, 1.0, 2.0)),
    "full": SegmentationConfig(
        scales=(0.5, 1.0, 2.0), pca_pixels=32_768, pca_frames=16, fit_pixels=100_000,
        references=16_384,
    ),
}  # fmt: skip
