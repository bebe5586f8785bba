"""A particle's smaller and larger relatives: the same crystal, taken atom by atom from the inside outwards."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import ConvexHull, KDTree, QhullError
from scipy.special import ndtri

from deepstruc_lib.particles.recipes import Recipe, unit_positions
from deepstruc_lib.particles.stacking import sphere_sizes

LARGEST_SPREAD = 0.2
# Particles of this many diameters stand for the distribution, each for an equal share of it.
_CLASSES = 21
# Positions at bond length 1 agree to rounding.
_TOLERANCE = 1e-6
_MOST_STEPS = 40


def _sphere(family: str, stacking: str, centre: str, atoms: int, step: int) -> Recipe:
    larger = sphere_sizes(stacking, centre, ceil(atoms * (1 + step / 4) ** 3))[-1]
    return Recipe(family, (stacking, centre, larger) if family == "Sphere" else (centre, larger))


# A larger particle of the same crystal about the same centre; the step counts up from 1.
_GROWN: dict[str, Callable[..., Recipe]] = {
    "SC": lambda step, h, *_: Recipe("SC", (h + step, 2 * (h + step), 3 * (h + step))),
    "FCC": lambda step, h, *_: Recipe("FCC", (h + step, 2 * (h + step), 2 * (h + step))),
    "BCC": lambda step, h, *_: Recipe("BCC", (h + step, h + step, 3 * (h + step))),
    "HCP": lambda step, *size: Recipe("HCP", tuple(edge + 2 * step for edge in size)),
    "Icosahedron": lambda step, shells: Recipe("Icosahedron", (shells + step,)),
    "Decahedron": lambda step, p, q, r: Recipe("Decahedron", (p + r + step, q + r + step, 0)),
    "TruncatedDecahedron": lambda step, p, q, r, _: Recipe("Decahedron", (p + r + step, q + r + step, 0)),
    "Octahedron": lambda step, length: Recipe("Octahedron", (length + 2 * step,)),
    "TruncatedOctahedron": lambda step, length, _: Recipe("Octahedron", (length + 2 * step,)),
    "Sphere": lambda step, stacking, centre, atoms: _sphere("Sphere", stacking, centre, atoms, step),
    "TwinnedSphere": lambda step, centre, atoms: _sphere("TwinnedSphere", "twin", centre, atoms, step),
    "FaultedSphere": lambda step, centre, atoms: _sphere("FaultedSphere", "fault", centre, atoms, step),
}


@dataclass(frozen=True, eq=False)
class SizeSeries:
    """Particles of one crystal in several sizes: the first n of its atoms, for each n.

    Args:
        positions: Of the largest, at bond length 1, about the centre of the particle that was asked for.
        sizes: Numbers of atoms, ascending.
        shares: Share of the particles that have each, in sum 1.
        own_size: Number of atoms of the particle that was asked for.
    """

    positions: Float[ndarray, "atoms 3"]
    sizes: Int[ndarray, " sizes"]
    shares: Float[ndarray, " sizes"]
    own_size: int

    @property
    def mean_atoms(self) -> float:
        """Mean number of atoms."""
        return float(self.shares @ self.sizes)


def size_series(recipe: Recipe, spread: float) -> SizeSeries:
    """Sizes about a particle's own: normally distributed diameters, the mean number of atoms kept.

    The diameter is that of a sphere of the same volume, ∝ N^(1/3). A crystal grows layer by layer: an atom comes
    the earlier, the smaller the scaled outline (the particle's convex hull about its mean position) that holds it,
    and within a layer from one side, so that sizes between two closed shells carry a part of the next layer.

    Args:
        recipe: The particle of mean size.
        spread: Standard deviation of the diameter, relative to its mean.

    Raises:
        ValueError: A spread outside 0 to 0.2, a flat particle, or a family that has no larger relatives.
    """
    if not 0 <= spread <= LARGEST_SPREAD:
        raise ValueError(f"size spread {spread}: needs 0 to {LARGEST_SPREAD}, a share of the diameter")
    own = unit_positions(recipe)
    if spread == 0:
        return SizeSeries(own, np.array([len(own)]), np.ones(1), len(own))
    normal = ndtri((np.arange(_CLASSES) + 0.5) / _CLASSES)
    volumes = (1 + spread * normal / normal.std()) ** 3
    atoms = np.maximum(np.rint(len(own) * volumes / volumes.mean()).astype(int), 1)
    sizes, met = np.unique(atoms, return_counts=True)
    return SizeSeries(_grown(recipe, int(sizes[-1])), sizes, met / _CLASSES, len(own))


def _grown(recipe: Recipe, atoms: int) -> Float[ndarray, "atoms 3"]:
    """The first atoms of the crystal that a particle is cut from, innermost outline first."""
    if recipe.family not in _GROWN:
        raise ValueError(f"{recipe.name} has no larger relatives: needs a family of {', '.join(_GROWN)}")
    own = unit_positions(recipe)
    planes = _planes(own, recipe)
    for step in range(1, _MOST_STEPS):
        crystal = _placed(unit_positions(_GROWN[recipe.family](step, *recipe.parameters)), own)
        if crystal is None:
            continue
        outline = (crystal @ planes.T).max(1).round(9)
        # The largest scaled outline that this crystal fills.
        filled = 1 / (own @ _planes(crystal, recipe).T).max()
        if (outline <= filled + _TOLERANCE).sum() >= atoms:
            order = np.lexsort((*crystal.round(9).T, outline))
            return crystal[order[:atoms]]
    raise ValueError(f"{recipe.name}: no particle of its crystal with {atoms} atoms was found, needs another shape")


def _planes(positions: ndarray, recipe: Recipe) -> Float[ndarray, "planes 3"]:
    """Normals of the convex hull's planes, each divided by its distance from the origin."""
    try:
        equations = np.unique(ConvexHull(positions).equations.round(9), axis=0)
    except QhullError as error:
        raise ValueError(f"{recipe.name} is flat: needs a particle with a volume for a spread of sizes") from error
    return equations[:, :3] / -equations[:, 3:]


def _placed(larger: ndarray, own: ndarray) -> Float[ndarray, "atoms 3"] | None:
    """The larger particle moved so that each of the own atoms is one of its atoms; None where it cannot be."""
    innermost = own[np.square(own).sum(1).argmin()]
    shifts = larger - innermost
    tree = KDTree(larger)
    for shift in shifts[np.square(shifts).sum(1).argsort()]:
        if tree.query(own + shift)[0].max() < _TOLERANCE:
            return larger - shift
    return None
