"""Features made comparable: centred, turned to principal components, whitened, of unit length."""

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32
from sklearn.decomposition import PCA
from torch import Tensor

ROUNDING = 1e-5  # of the largest value: rows that differ by less are equal
FAINT = 1e-7  # of the largest variance: rounding, which whitening would blow up


@dataclass(frozen=True)
class Projection:
    """A linear map of features: `basis` times (x less `mean`), then to unit length if `l2`."""

    mean: Float32[np.ndarray, " d"]
    basis: Float32[np.ndarray, "k d"]
    l2: bool

    def normalise(self, projected: Float[Tensor, "b k y x"]) -> Float[Tensor, "b k y x"]:
        """The last step, on features already multiplied with the basis."""
        return F.normalize(projected, dim=1) if self.l2 else projected

    def __call__(self, features: Float[np.ndarray, "n d"]) -> Float32[np.ndarray, "n k"]:
        """All steps, on rows of features."""
        projected = ((features - self.mean) @ self.basis.T).astype(np.float32)
        if self.l2:
            lengths = np.linalg.norm(projected, axis=1, keepdims=True)
            projected /= np.maximum(lengths, 1e-12)
        return projected


def fit_projection(
    sample: Float[np.ndarray, "n d"],
    *,
    components: int | None,
    whiten: bool,
    l2: bool,
    seed: int,
) -> Projection:
    """The projection of a sample of pixels to its strongest `components`.

    With fewer directions of variation than `components` there are fewer; a sample of equal rows
    keeps one, on which all is 0. `components=None` only centres (and whitens each feature alone).
    """
    mean = sample.mean(0, dtype=np.float64).astype(np.float32)
    if components is None:
        spread = sample.std(0) if whiten else np.ones(len(mean))
        spread = np.where(spread > 0, spread, 1)
        return Projection(mean, np.diag(1 / spread).astype(np.float32), l2)
    kept = min(components, *sample.shape)
    if np.ptp(sample, axis=0).max() <= ROUNDING * np.abs(sample).max():
        return Projection(mean, np.zeros((1, len(mean)), np.float32), l2)
    few = kept < 0.2 * min(sample.shape)  # a randomised solver then finds them much faster
    solver = "randomized" if few else "full"
    pca = PCA(kept, svd_solver=solver, iterated_power=3, random_state=seed).fit(sample)
    variance = pca.explained_variance_
    strong = variance > FAINT * variance[0]
    scale = 1 / np.sqrt(variance[strong]) if whiten else np.ones(strong.sum())
    return Projection(mean, (pca.components_[strong] * scale[:, None]).astype(np.float32), l2)
