"""The numbers of a linear model: from rescaled curves to probabilities of shapes and bond lengths, and to a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from deepstruc_lib.files.textfiles import write_bytes
from deepstruc_lib.models.records import WEIGHTS
from deepstruc_lib.models.rescaled import GRID

_SHAPES = "shapes"


@dataclass(frozen=True, eq=False)
class LinearWeights:
    """Two linear maps of a curve that was rescaled by its first peak, with what is fixed for each shape.

    Args:
        shapes: Names of the recipes.
        shape_slopes: Of the logistic regression, for each point of the curve.
        shape_offsets: Likewise, constant.
        bond_slopes: Of log(bond length / first peak).
        bond_offsets: Likewise, constant.
        bond_range: Lowest and highest of these logarithms in training, a third of the range added at both ends.
        n_atoms: Number of atoms.
        diameters: Largest distance of two atoms at bond length 1.
    """

    shapes: tuple[str, ...]
    shape_slopes: Float[ndarray, "shapes x"]
    shape_offsets: Float[ndarray, " shapes"]
    bond_slopes: Float[ndarray, "shapes x"]
    bond_offsets: Float[ndarray, " shapes"]
    bond_range: Float[ndarray, "shapes 2"]
    n_atoms: Float[ndarray, " shapes"]
    diameters: Float[ndarray, " shapes"]

    def __post_init__(self) -> None:
        count = len(self.shapes)
        slopes, pairs = (count, len(GRID)), (count, 2)
        wanted = {"shape_slopes": slopes, "bond_slopes": slopes, "bond_range": pairs}
        for name, array in self.arrays().items():
            if array.shape != wanted.get(name, (count,)):
                raise ValueError(f"{name} has shape {array.shape}: needs {wanted.get(name, (count,))}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds NaN or infinity: needs finite numbers")

    def arrays(self) -> Mapping[str, ndarray]:
        """All but the names."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != _SHAPES}

    def probabilities(self, curves: Float[ndarray, "pdfs x"]) -> Float[ndarray, "pdfs shapes"]:
        """Of each shape."""
        scores = curves @ self.shape_slopes.T.astype(float) + self.shape_offsets
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def bond_lengths(
        self, curves: Float[ndarray, "pdfs x"], first_peaks: Float[ndarray, " pdfs"]
    ) -> Float[ndarray, "pdfs shapes"]:
        """Å, if it were this shape. Curves unlike all of training cannot move it out of the trained range."""
        logarithms = curves @ self.bond_slopes.T.astype(float) + self.bond_offsets
        return first_peaks[:, None] * np.exp(np.clip(logarithms, *self.bond_range.T))


def store_weights(folder: Path, weights: LinearWeights) -> None:
    """Write the weights as float32, whole or not at all; the folder is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in weights.arrays().items()}
    write_bytes(folder / WEIGHTS, save(arrays, {_SHAPES: json.dumps(weights.shapes)}))


def load_weights(folder: Path) -> LinearWeights:
    """The weights in a folder.

    Raises:
        ValueError: The file is missing, damaged, or of another kind of model.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="np") as file:
            shapes = json.loads((file.metadata() or {})[_SHAPES])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return LinearWeights(tuple(map(str, shapes)), **arrays)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged weights ({error}): needs those of a linear model") from error
