"""Tells PDFs that are unlike those a model learned from: by the curve alone, for models of any kind."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from deepstruc_lib.files import PDF
from deepstruc_lib.files.textfiles import write_bytes
from deepstruc_lib.models.rescaled import GRID, rescaled_pdfs

NOVELTY = "novelty.safetensors"


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distance of a curve from the nearest shape's mean, in units of how the curves of one shape differ.

    The curves are rescaled by their first peak. Their differences from the mean of their own shape have the covariance
    of probabilistic principal components, C = V (Λ − σ²) Vᵀ + σ² 1 (doi:10.1111/1467-9868.00196), common to all shapes;
    the distance is that of Mahalanobis.

    Args:
        means: Mean curve of each shape.
        directions: V, one direction a row.
        variances: Λ.
        floor: σ², one value.
        threshold: Distance from which on a curve is unlike, one value.
    """

    means: Float[ndarray, "shapes x"]
    directions: Float[ndarray, "directions x"]
    variances: Float[ndarray, " directions"]
    floor: Float[ndarray, " 1"]
    threshold: Float[ndarray, " 1"]

    def __post_init__(self) -> None:
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
        points = {self.means.shape[-1], self.directions.shape[-1]}
        if bad or points != {len(GRID)} or self.variances.shape != self.directions.shape[:1]:
            raise ValueError(f"arrays of {points} points, not finite: {bad}: needs {len(GRID)} finite points")

    def distances(self, pdfs: Sequence[PDF]) -> Float[ndarray, " pdfs"]:
        """From the nearest shape's mean; about √(number of points) for the curves of training."""
        return self.nearest(rescaled_pdfs(pdfs)[0])

    def unlike(self, pdfs: Sequence[PDF]) -> list[tuple[str, ...]]:
        """A sentence for each PDF whose curve is unlike those of the training, nothing for the others."""
        threshold = float(self.threshold[0])
        said = "the curve is unlike those of the training: it is {:.3g} times as far from them as the limit"
        ratios = self.distances(pdfs) / threshold
        return [(said.format(ratio),) if ratio > 1 else () for ratio in ratios]

    def nearest(self, curves: Float[ndarray, "pdfs x"]) -> Float[ndarray, " pdfs"]:
        """The same of curves that are rescaled."""
        # A difference has a part along the directions, each with its own variance, and the rest.
        directions, means = self.directions.astype(float), self.means.astype(float)
        nearest = np.empty(len(curves))
        for row, curve in enumerate(curves):
            differences = curve - means
            along = differences @ directions.T
            rest = (differences**2).sum(axis=1) - (along**2).sum(axis=1)
            nearest[row] = np.sqrt((rest / self.floor + (along**2 / self.variances).sum(axis=1)).min())
        return nearest


def store_novelty(folder: Path, novelty: Novelty) -> None:
    """Write it beside a model's weights, whole or not at all."""
    write_bytes(folder / NOVELTY, save({one.name: getattr(novelty, one.name) for one in fields(novelty)}))


def load_novelty(folder: Path) -> Novelty | None:
    """What is stored beside a model's weights; None where nothing is.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / NOVELTY
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            return Novelty(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a damaged file ({error}): needs what was fitted with the weights") from error
