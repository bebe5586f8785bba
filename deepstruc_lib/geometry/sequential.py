"""From distances to positions atom after atom, as in the MLG paper (doi:10.26434/chemrxiv.12662222.v1)."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import minimize

# Where an atom coincides with a reference point the gradient has no direction: any small length will do.
_NO_DISTANCE = 1e-12


def trilaterate_sequentially(
    distances: Float[ndarray, "atoms atoms"],
    satellite_distances: Float[ndarray, "atoms satellites"],
    satellites: Float[ndarray, "satellites 3"],
) -> Float[ndarray, "atoms 3"]:
    """Positions in the unit sphere: the first atom at the origin, each next one where it fits those before it best.

    Atom i minimises Σ (|p − qⱼ| − dⱼ)² over the atoms before it and the satellites with L-BFGS-B in the cube around
    the unit sphere. The paper does not say from where; here it is the best of the points that lie in the direction
    of a satellite, as far from the origin as the distance to the first atom says.

    Raises:
        ValueError: The shapes do not fit.
    """
    count = len(distances)
    wanted = (count, len(satellites))
    if np.shape(distances) != (count, count) or np.shape(satellite_distances) != wanted:
        raise ValueError(
            f"distances {np.shape(distances)} and {np.shape(satellite_distances)}: needs {(count, count)} and {wanted}"
        )
    references = np.concatenate([satellites, np.zeros((count, 3))])
    known = len(satellites)
    for atom in range(1, count):
        fixed = references[: known + atom]
        lengths = np.concatenate([satellite_distances[atom], distances[atom, :atom]])
        starts = np.clip(distances[atom, 0], 0, 1) * satellites
        start = min(starts, key=lambda point: _misfit(point, fixed, lengths)[0])
        found = minimize(_misfit, start, (fixed, lengths), jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * 3)
        references[known + atom] = found.x
    return references[known:]


def _misfit(point: ndarray, fixed: ndarray, lengths: ndarray) -> tuple[float, ndarray]:
    """Sum of squared differences of the distances to fixed points, and its gradient."""
    apart = point - fixed
    distances = np.sqrt(np.einsum("ij,ij->i", apart, apart)) + _NO_DISTANCE
    excess = distances - lengths
    return float(excess @ excess), 2 * (excess / distances) @ apart
