"""A particle in the unit sphere, with satellites on its surface, as in doi:10.26434/chemrxiv.12662222.v1."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist

# Fewer points do not fix a place in space.
FEWEST_SATELLITES = 4
# Atoms whose distances from the origin differ by less, relative to the radius, lie on one shell.
_SHELL_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class UnitSphere:
    """A particle scaled into the unit sphere.

    Args:
        positions: In units of the radius: the first atom at the origin, the last on the surface.
        radius: Distance of the farthest atom from the one at the origin, Å.
    """

    positions: Float[ndarray, "atoms 3"]
    radius: float


def to_unit_sphere(positions: Float[ndarray, "atoms 3"]) -> UnitSphere:
    """Scale a particle so that the atom nearest its centroid is the origin and the farthest from it lies at 1.

    The paper does not say which atom is the origin, nor in which order the others come. Here they are sorted by their
    distance from the origin, and on one shell by z, y and x, so that particles cut from one lattice share their order.

    Raises:
        ValueError: Fewer than two atoms, a position that is not finite, or all atoms in one place.
    """
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) < 2:
        raise ValueError(f"positions of shape {positions.shape}: needs (atoms, 3) with two atoms or more")
    if not np.isfinite(positions).all():
        raise ValueError("positions hold a value that is not finite: needs coordinates in Å")
    centred = positions - positions.mean(axis=0)
    # Of several atoms equally near the centroid the first in the order below is taken, whatever the rounding.
    nearest = _ordered(centred)[0]
    centred = centred - centred[nearest]
    radius = float(np.linalg.norm(centred, axis=1).max())
    if radius == 0:
        raise ValueError("all atoms lie in one place: needs a particle")
    unit = centred / radius
    return UnitSphere(unit[_ordered(unit)], radius)


def _ordered(positions: Float[ndarray, "atoms 3"]) -> ndarray:
    """Indices by distance from the origin, then z, y, x; values rounded to the tolerance."""
    distances = np.linalg.norm(positions, axis=1)
    step = _SHELL_TOLERANCE * distances.max()
    if step == 0:
        return np.arange(len(positions))
    # Half a step of offset keeps the lattice's own values, such as zero, away from the rounding's edge.
    x, y, z, shell = (np.floor(values / step + 0.5) for values in (*positions.T, distances))
    return np.lexsort((x, y, z, shell))


@lru_cache(maxsize=16)
def satellites(count: int) -> Float[ndarray, "satellites 3"]:
    """Points spread evenly over the unit sphere: charges that repel each other, relaxed from a Fibonacci spiral.

    The same count always gives the same points (to rounding): 4 a tetrahedron, 6 an octahedron, 12 an icosahedron.

    Raises:
        ValueError: Fewer than four: they would not fix a place in space.
    """
    if count < FEWEST_SATELLITES:
        raise ValueError(f"{count} satellites: needs {FEWEST_SATELLITES} or more to fix a place in space")
    golden_angle = np.pi * (3 - np.sqrt(5))
    height = 1 - (2 * np.arange(count) + 1) / count
    longitude = golden_angle * np.arange(count)
    across = np.sqrt(1 - height**2)
    spiral = np.stack([across * np.cos(longitude), across * np.sin(longitude), height], axis=1)
    relaxed = minimize(_repulsion, spiral.ravel(), jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-10})
    points = relaxed.x.reshape(count, 3)
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    points.setflags(write=False)
    return points


def _repulsion(flat: ndarray) -> tuple[float, ndarray]:
    """Coulomb energy (Thomson's problem) of points projected onto the sphere, and its gradient."""
    raw = flat.reshape(-1, 3)
    norm = np.linalg.norm(raw, axis=1, keepdims=True)
    points = raw / norm
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    pull = points * (distances**-3).sum(1, keepdims=True) - distances**-3 @ points
    gradient = -(pull - points * (pull * points).sum(1, keepdims=True)) / norm
    return float((1 / pdist(points)).sum()), gradient.ravel()


def distance_rows(
    positions: Float[ndarray, "atoms 3"], satellite_positions: Float[ndarray, "satellites 3"], rows: int
) -> Float[ndarray, "rows features"]:
    """A row for each atom: its distances to all atoms (the assigned distance matrix), then to the satellites.

    Rows and columns of dummies, the atoms that are missing up to `rows`, are zero.

    Raises:
        ValueError: There are more atoms than rows.
    """
    count = len(positions)
    if count > rows:
        raise ValueError(f"{count} atoms: needs at most {rows}")
    filled = np.zeros((rows, rows + len(satellite_positions)))
    filled[:count, :count] = cdist(positions, positions)
    filled[:count, rows:] = cdist(positions, satellite_positions)
    return filled
