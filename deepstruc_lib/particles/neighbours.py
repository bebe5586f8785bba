"""How far each atom is from its nearest neighbour, and what counts as a bond: said once for the whole library."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

# Bonds reach this many nearest distances: an icosahedron's bonds within a shell are 1.05 long, and the second shell of
# fcc begins at 1.41.
BOND_REACH = 1.2


def nearest_distances(positions: Float[ndarray, "atoms 3"]) -> Float[ndarray, " atoms"]:
    """Distance of each atom to its nearest neighbour, in the unit of the positions; infinite for a lone atom.

    Example:
        >>> from deepstruc_lib.particles import Recipe
        >>> nearest_distances(Recipe("Icosahedron", (2,)).positions(2.8)).round(3).min()
        np.float64(2.8)
    """
    distances, _ = KDTree(positions).query(positions, k=2)
    return np.asarray(distances)[:, 1]
