"""How the atoms of a particle are packed, from the directions of its bonds alone; and the word of its layers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from deepstruc_lib.geometry.frames import FittedFrame, fit_frame, frames

# Bonds reach this many mean bond lengths. In bcc the mean is that of first and second neighbours, 1.07 of the first,
# and the third shell lies at 1.53 of it; in simple cubic and close packings the second shell lies at 1.41.
BOND_REACH = 1.2
# While the mean bond length is sought, a little farther: it starts from nearest neighbours, which errors make short.
_FIRST_REACH, _MOST_ROUNDS = 1.25, 20
# Evidence for a frame, per bond, that bonds without order do not reach; and what it needs beside in a particle of few
# bonds, where one of so many rotations always fits some. Measured on random packings of 13 to 80 spheres.
ORDER, ORDER_OF_FEW = 0.5, 12.0
# All but a few stray atoms hang together.
ONE_PIECE = 0.9
# Bonds of neighbouring layers rise by 0.82 of their length, those within a layer not at all.
_STEP_UP = 0.45
# The spacing of layers may differ so much from the median rise of the bonds between them.
_SPACINGS = np.linspace(0.96, 1.04, 81)


@dataclass(frozen=True, eq=False)
class Bonds:
    """Pairs of neighbours.

    Args:
        pairs: Indices of the two atoms.
        vectors: From the first atom to the second, in the unit of the positions.
        length: Mean, in the same unit.
    """

    pairs: Int[ndarray, "bonds 2"]
    vectors: Float[ndarray, "bonds 3"]
    length: float

    @property
    def directions(self) -> Float[ndarray, "bonds 3"]:
        """Unit vectors."""
        return self.vectors / np.linalg.norm(self.vectors, axis=1, keepdims=True)


def find_bonds(positions: Float[ndarray, "atoms 3"]) -> Bonds:
    """Neighbours within 1.2 mean bond lengths, at any scale.

    Raises:
        ValueError: Fewer than two atoms, positions that are not finite, or most atoms on top of each other.
    """
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) < 2 or not np.isfinite(positions).all():
        raise ValueError(f"positions of shape {positions.shape}: needs (atoms, 3), two atoms or more, all finite")
    tree = cKDTree(positions)
    mean = float(np.median(tree.query(positions, 2)[0][:, 1]))
    if mean == 0:
        raise ValueError("most atoms lie on top of each other: needs them apart")
    pairs = tree.query_pairs(1.5 * mean, output_type="ndarray")
    vectors = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    lengths = np.linalg.norm(vectors, axis=1)
    for _ in range(_MOST_ROUNDS):
        before, mean = mean, float(lengths[lengths < _FIRST_REACH * mean].mean())
        if abs(mean - before) < 1e-6 * mean:
            break
    near = (lengths < BOND_REACH * mean) & (lengths > 0)
    return Bonds(pairs[near], vectors[near], float(lengths[near].mean()))


def packing(bonds: Bonds, atoms: int) -> FittedFrame | None:
    """The frame that the bonds of so many atoms follow; None where they follow none, or do not hold together."""
    if not _one_piece(bonds, atoms):
        return None
    directions = bonds.directions
    best: FittedFrame | None = None
    for frame in frames():
        # Frames come by falling largest evidence, so what no later one can exceed is the answer.
        if best is not None and best.evidence >= frame.most:
            break
        fitted = fit_frame(frame, directions)
        if best is None or fitted.evidence > best.evidence:
            best = fitted
    ordered = best is not None and best.evidence >= ORDER + ORDER_OF_FEW / len(directions)
    return best if ordered else None


def _one_piece(bonds: Bonds, atoms: int) -> bool:
    joined = coo_array((np.ones(len(bonds.pairs)), bonds.pairs.T), shape=(atoms, atoms))
    piece = connected_components(joined, directed=False)[1]
    return np.bincount(piece).max() >= ONE_PIECE * atoms


def layer_word(positions: Float[ndarray, "atoms 3"], bonds: Bonds, rotation: Float[ndarray, "3 3"]) -> str:
    """Letters A, B, C of the close-packed layers from the bottom up, the lowest an A; "" where they are not layers.

    A bond from one layer to the next points to one of two triples of directions, those of A → B → C → A or those of
    A → C → B → A: sin 3φ of its azimuth φ is 1 or −1.

    Args:
        positions: In any unit.
        bonds: Of these positions.
        rotation: Of the layered frame.
    """
    heights = positions @ rotation[:, 2]
    rising = bonds.vectors @ rotation
    rising *= np.where(rising[:, 2] < 0, -1, 1)[:, None]
    between = rising[:, 2] > _STEP_UP * bonds.length
    if not between.any():
        return ""
    spacings = np.median(rising[between, 2]) * _SPACINGS
    waves = np.exp(2j * np.pi * heights[:, None] / spacings).mean(axis=0)
    best = np.abs(waves).argmax()
    layers = np.rint(heights / spacings[best] - np.angle(waves[best]) / (2 * np.pi)).astype(int)
    layers -= layers.min()
    ends = np.sort(layers[bonds.pairs], axis=1)
    between &= ends[:, 1] - ends[:, 0] == 1
    turns = np.sin(3 * np.arctan2(rising[between, 1], rising[between, 0]))
    steps = np.sign(np.bincount(ends[between, 0], turns, minlength=layers.max())).astype(int)
    if not steps.all():
        return ""
    return "".join("ABC"[letter] for letter in np.cumsum([0, *steps]) % 3)
