"""Builds the compact particles: layered cubic crystals, hexagonal blocks, octahedra, decahedra, icosahedra.

Every builder returns positions at bond length 1. The cubic ones are integer points cut by planes, in half lattice
constants, so that they are exact; they equal the clusters of `ase.cluster` with the same indices.
"""

from itertools import product

import numpy as np
from ase.cluster import Decahedron, Icosahedron
from jaxtyping import Float, Int
from numpy import ndarray

# Half a lattice constant in bond lengths. FCC atoms touch along the face diagonal, a = √2 d. For BCC the DeepStruc
# corpus sets a = d, where atoms that touch would need a = 2d/√3: its nearest neighbours sit at 0.866 d.
HALF_FCC = np.sqrt(0.5)
HALF_BCC = 0.5
# The DeepStruc corpus rounds the ideal c/a = √(8/3) = 1.63299 to four digits.
HCP_C_OVER_A = 1.633
# Atoms of one layer agree to rounding; layers are tenths of a bond apart.
LAYER_TOLERANCE = 1e-3


def integer_cube(half_width: int) -> Int[ndarray, "points 3"]:
    """All integer points with |x|, |y|, |z| ≤ half_width, in lexicographic order."""
    side = np.arange(-half_width, half_width + 1)
    return np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)


def plane_distances(points: Int[ndarray, "points 3"]) -> tuple[ndarray, ndarray, ndarray]:
    """How far out each point lies along its steepest {100}, {110} and {111}: max|x|, |x|+|y|, |x|+|y|+|z|."""
    size = np.abs(points)
    total = size.sum(axis=1)
    return size.max(axis=1), total - size.min(axis=1), total


def simple_cubic(h: int, k: int, l: int) -> Float[ndarray, "atoms 3"]:  # noqa: E741 - Miller's own letter
    """Simple cubic particle of h, k, l layers along {100}, {110}, {111} about an atom; a = d."""
    points = integer_cube(min(h, k, l))
    h_out, k_out, l_out = plane_distances(points)
    return points[(h_out <= h) & (k_out <= k) & (l_out <= l)].astype(float)


def face_centred_cubic(h: int, k: int, l: int) -> Float[ndarray, "atoms 3"]:  # noqa: E741
    """Face-centred cubic particle of h, k, l layers along {100}, {110}, {111} about an atom; a = √2 d."""
    points = integer_cube(min(h, k, 2 * l))
    points = points[points.sum(axis=1) % 2 == 0]
    h_out, k_out, l_out = plane_distances(points)
    return points[(h_out <= h) & (k_out <= k) & (l_out <= 2 * l)] * HALF_FCC


def body_centred_cubic(h: int, k: int, l: int) -> Float[ndarray, "atoms 3"]:  # noqa: E741
    """Body-centred cubic particle of h, k, l layers along {100}, {110}, {111} about an atom; a = d (see above)."""
    points = integer_cube(min(h, 2 * k, l))
    parity = points % 2
    points = points[parity.min(axis=1) == parity.max(axis=1)]
    h_out, k_out, l_out = plane_distances(points)
    return points[(h_out <= h) & (k_out <= 2 * k) & (l_out <= l)] * HALF_BCC


def octahedron(length: int) -> Float[ndarray, "atoms 3"]:
    """Fcc octahedron with `length` atoms on an edge."""
    return truncated_octahedron(length, 0)


def truncated_octahedron(length: int, cut: int) -> Float[ndarray, "atoms 3"]:
    """Fcc octahedron with `length` atoms on an edge, `cut` layers removed at each of its six vertices.

    Raises:
        ValueError: When the cuts from both ends of an edge would meet.
    """
    if length < 1 or not 0 <= 2 * cut <= length - 1:
        raise ValueError(f"truncated_octahedron({length}, {cut}): needs length >= 1 and 0 <= cut <= (length - 1)/2")
    reach = length - 1
    points = integer_cube(reach - cut)
    # An even edge puts an octahedral hole in the middle, an odd one an atom: the parity of x + y + z.
    points = points[(points.sum(axis=1) - reach) % 2 == 0]
    return points[plane_distances(points)[2] <= reach] * HALF_FCC


def hexagonal_close_packed(size1: int, size2: int, size3: int) -> Float[ndarray, "atoms 3"]:
    """Block of size1 × size2 × size3 hexagonal cells of two atoms each; a = d, c = 1.633 d."""
    cell = np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, HCP_C_OVER_A]])
    corners = np.stack(np.meshgrid(range(size1), range(size2), range(size3), indexing="ij"), axis=-1)
    fractional = corners.reshape(-1, 1, 3) + np.array([[0, 0, 0], [1 / 3, 2 / 3, 1 / 2]])
    return fractional.reshape(-1, 3) @ cell


def decahedron(p: int, q: int, r: int) -> Float[ndarray, "atoms 3"]:
    """Five fcc tetrahedra about an axis.

    Args:
        p: Atoms on the edge of the {100} facets across the axis.
        q: Atoms on their edge along the axis; 1 leaves no such facet.
        r: Depth of the re-entrant steps at the five corners (Marks).
    """
    return Decahedron("X", p, q, r, latticeconstant=float(np.sqrt(2))).positions


def truncated_decahedron(p: int, q: int, r: int, sides: int) -> Float[ndarray, "atoms 3"]:
    """Decahedron without the outermost {111} layer, above and below, of `sides` neighbouring tetrahedra.

    The five-fold axis then lies off the particle's centre.

    Raises:
        ValueError: When sides is not 1 to 4 (all five would give a smaller regular decahedron).
    """
    if not 1 <= sides <= 4:
        raise ValueError(f"truncated_decahedron: {sides} sides: needs 1 to 4")
    positions = decahedron(p, q, r)
    kept = np.ones(len(positions), dtype=bool)
    # Columns of atoms lose half a bond at either end from one ring to the next, which lies this far out.
    ring_distance = np.sqrt(0.75) * np.cos(np.pi / 5)
    for side, end in product(range(sides), (1, -1)):
        angle = np.pi / 2 + (side + 0.5) * 2 * np.pi / 5
        facet = np.array([np.cos(angle) / (2 * ring_distance), np.sin(angle) / (2 * ring_distance), end])
        heights = positions @ facet
        kept &= heights < heights.max() - LAYER_TOLERANCE
    return positions[kept]


def icosahedron(shells: int) -> Float[ndarray, "atoms 3"]:
    """Mackay icosahedron; bonds between shells are d, bonds within a shell 1.0515 d."""
    return Icosahedron("X", shells, latticeconstant=float(np.sqrt(2))).positions
