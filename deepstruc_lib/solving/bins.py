"""Functions on a uniform grid, read between its points: six-point Lagrange interpolation and its transpose."""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

# Grid points around the place that is read. A wave of phase p per step is reproduced to (225/46080)·p⁶ of its
# amplitude: 6e-4 at p = 0.7.
POINTS = 6
_OFFSETS = np.arange(POINTS) - 2
# Lagrange's polynomials through the offsets and their derivatives, twelve columns: column i is 1 at offset i and 0 at
# the others; rows are powers of x.
_POLYNOMIALS = np.linalg.inv(np.vander(_OFFSETS, increasing=True))
_RATES = np.vstack([_POLYNOMIALS[1:] * np.arange(1, POINTS)[:, None], np.zeros(POINTS)])
_BOTH = np.hstack([_POLYNOMIALS, _RATES]).astype(np.float32)


def stencil(places: Float[ndarray, "*n"]) -> tuple[Int[ndarray, "*n"], Float[ndarray, "*n 2 6"]]:
    """First grid point, and the weights of six from there on that give the value and the derivative by the place.

    Args:
        places: In steps of the grid, 2 or more above its first point.
    """
    whole = np.floor(places)
    powers = np.empty((*places.shape, POINTS), dtype=np.float32)
    powers[..., 0] = 1
    powers[..., 1] = places - whole
    for power in range(2, POINTS):
        np.multiply(powers[..., power - 1], powers[..., 1], out=powers[..., power])
    return whole.astype(np.intp) + _OFFSETS[0], (powers @ _BOTH).reshape(*places.shape, 2, POINTS)


def spread(places: Float[ndarray, " n"], values: Float[ndarray, " n"], points: int) -> Float[ndarray, " points"]:
    """A grid h with Σₖ h[k]·f(k) = Σ values·f(places) for every f that the interpolation reproduces.

    Args:
        places: In steps of the grid, from 2 to points − 4.
        values: At these places.
        points: Of the grid.
    """
    first, weights = stencil(places)
    index = first[:, None] + np.arange(POINTS)
    return np.bincount(index.ravel(), (weights[:, 0] * values[:, None]).ravel(), minlength=points)
