"""Many small least-squares problems at once: Levenberg–Marquardt with bounds (doi:10.1137/0111030)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

# Relative fall of the sum of squares, had or still to be had by the linear model, at which a problem has arrived.
TOLERANCE = 1e-7
_MOST_STEPS = 60
# Damping relative to the diagonal of JᵀJ: at the start, after a step that was taken or refused, at most.
_DAMPING, _EASED, _RAISED, _MOST_DAMPING = 1e-3, 0.1, 8.0, 1e7


class Residuals(NamedTuple):
    """Model minus data of some problems, and the derivatives by each parameter."""

    values: Float[ndarray, "problems points"]
    jacobian: Float[ndarray, "problems parameters points"]


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where each problem ended.

    Args:
        x: Parameters.
        squares: Sum of squared residuals.
        normal: JᵀJ.
        inner: Which parameters are free and not held at a bound.
    """

    x: Float[ndarray, "problems parameters"]
    squares: Float[ndarray, " problems"]
    normal: Float[ndarray, "problems parameters parameters"]
    inner: Bool[ndarray, "problems parameters"]


def minimise(
    residuals: Callable[[Float[ndarray, "some parameters"], Int[ndarray, " some"]], Residuals],
    start: Float[ndarray, "problems parameters"],
    low: Float[ndarray, "#problems parameters"],
    high: Float[ndarray, "#problems parameters"],
) -> Minimum:
    """The nearest minimum of each sum of squares within the bounds.

    Args:
        residuals: Called with the parameters of some problems, and which problems these are.
        start: Moved into the bounds.
        low: Lowest values, of each problem or of all; equal to the highest for a parameter that is held.
        high: Highest values.
    """
    low, high = (np.broadcast_to(limit, start.shape) for limit in (low, high))
    x = np.clip(start, low, high)
    rows = np.arange(len(x))
    squares, gradient, normal = _normal_equations(residuals(x, rows))
    damping = np.full(len(x), _DAMPING)
    for _ in range(_MOST_STEPS):
        step = _bounded_step(x[rows], gradient[rows], normal[rows], damping[rows], low[rows], high[rows])
        trial = np.clip(x[rows] + step, low[rows], high[rows])
        hoped = _hoped(step, gradient[rows], normal[rows])
        going = (hoped > TOLERANCE * squares[rows]) & (damping[rows] < _MOST_DAMPING)
        rows, trial = rows[going], trial[going]
        if not len(rows):
            break
        found = _normal_equations(residuals(trial, rows))
        fall = squares[rows] - found[0]
        better = fall > 0
        arrived = better & (fall <= TOLERANCE * squares[rows])
        damping[rows] *= np.where(better, _EASED, _RAISED)
        taken = rows[better]
        x[taken], squares[taken] = trial[better], found[0][better]
        gradient[taken], normal[taken] = found[1][better], found[2][better]
        rows = rows[~arrived]
    return Minimum(x, squares, normal, _free(x, gradient, low, high))


def _normal_equations(found: Residuals) -> tuple[ndarray, ndarray, ndarray]:
    values, jacobian = found
    gradient = (jacobian @ values[:, :, None])[:, :, 0]
    return np.einsum("pi,pi->p", values, values), gradient, jacobian @ jacobian.transpose(0, 2, 1)


def _hoped(step: ndarray, gradient: ndarray, normal: ndarray) -> ndarray:
    """By how much the squares would fall were the residuals linear."""
    return -np.einsum("pi,pi->p", step, 2 * gradient + (normal @ step[:, :, None])[:, :, 0])


def _free(x: ndarray, gradient: ndarray, low: ndarray, high: ndarray) -> ndarray:
    """Parameters that are not pushed against a bound by the gradient."""
    return ~((x <= low) & (gradient >= 0) | (x >= high) & (gradient <= 0) | (low == high))


def _bounded_step(
    x: ndarray, gradient: ndarray, normal: ndarray, damping: ndarray, low: ndarray, high: ndarray
) -> ndarray:
    """A step that crosses no bound at which a parameter is: what would cross is held, and the rest solved again."""
    free = _free(x, gradient, low, high)
    while True:
        step = _step(gradient, normal, free, damping)
        crossing = (x <= low) & (step < 0) | (x >= high) & (step > 0)
        if not crossing.any():
            return step
        free &= ~crossing


def _step(gradient: ndarray, normal: ndarray, free: ndarray, damping: ndarray) -> ndarray:
    """Solution of (JᵀJ + λ diag JᵀJ) step = −gradient over the free parameters; 0 for the others."""
    diagonal = np.einsum("pii->pi", normal)
    # In units in which the diagonal is one, so that parameters of any size are alike.
    scale = 1 / np.sqrt(np.where(free & (diagonal > 0), diagonal, 1.0))
    matrix = normal * scale[:, :, None] * scale[:, None, :] * free[:, :, None] * free[:, None, :]
    places = np.arange(free.shape[1])
    matrix[:, places, places] = 1 + damping[:, None]
    return -scale * np.linalg.solve(matrix, (gradient * scale * free)[:, :, None])[:, :, 0]
