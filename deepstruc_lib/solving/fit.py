"""One structure against one PDF: scale, stretch, B and delta2 by least squares."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from ase import Atoms
from jaxtyping import Float
from scipy.optimize import OptimizeResult, least_squares

from deepstruc_lib.files import PDF
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.pairs import DistanceList, merged_distances
from deepstruc_lib.solving.target import REACH_MARGIN, FitTarget, best_scale, model

PARAMETERS = ("scale", "stretch", "biso", "delta2")
# Å². U from 0.0015 to 0.09 Å² covers a cold metal core and a badly disordered shell; beyond delta2 = 6 Å² the first
# peak of a metal would be sharper than a point.
DEFAULT_BOUNDS: dict[str, tuple[float, float]] = {
    "scale": (0.0, np.inf),
    "stretch": (0.9, 1.1),
    "biso": (0.0015 * B_PER_U, 0.09 * B_PER_U),
    "delta2": (0.0, 6.0),
}


# Relative change of the sum of squares, or of the parameters, at which a fit has arrived.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Fit:
    """A refined structure.

    Args:
        scale: Factor on G(r).
        stretch: Factor on all distances, relative to the structure as given.
        biso: B = 8π²U, Å².
        delta2: Correlated motion, Å².
        errors: Standard uncertainty of each parameter; None for a fixed one, or one at its bound. Neighbouring points
            of an over-sampled G(r) are not independent: only range·qmax/π of them are counted.
        rw: √(Σ(G−G_fit)²/ΣG²) over the range, on the file's own grid.
        rw_range: First and last r of the fit, Å.
        r: The file's grid within the range, Å.
        g: Measured, Å⁻².
        g_fit: Fitted, Å⁻².
    """

    scale: float
    stretch: float
    biso: float
    delta2: float
    errors: dict[str, float | None]
    rw: float
    rw_range: tuple[float, float]
    r: Float[np.ndarray, " r"]
    g: Float[np.ndarray, " r"]
    g_fit: Float[np.ndarray, " r"]

    def as_dict(self) -> dict:
        """Numbers only, for JSON: parameters, uncertainties, Rw."""
        return {k: v for k, v in asdict(self).items() if k not in ("r", "g", "g_fit")}


def fit(
    pdf: PDF | FitTarget,
    structure: Atoms | Float[np.ndarray, "atoms 3"] | DistanceList,
    *,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Fit:
    """Scale, stretch, B and delta2 that bring the PDF of a structure closest to a measured one, at its Q range.

    The stretch is first searched over its bounds in steps too small to miss a minimum, then all free parameters are
    refined together (trust region, analytic Jacobian).

    Args:
        pdf: Measured G(r).
        structure: Positions in Å; one element is assumed, so that the form factor cancels.
        r_range: First and last r, Å.
        qdamp: Overrides the file's, Å⁻¹.
        fixed: Parameters held at a value, by name.
        bounds: Lowest and highest value of a parameter, by name.

    Raises:
        ValueError: An unknown parameter name, empty bounds, or data that cannot be fitted.
    """
    target = pdf if isinstance(pdf, FitTarget) else FitTarget(pdf, r_range, qdamp)
    if not isinstance(structure, DistanceList):
        structure = merged_distances(structure.positions if isinstance(structure, Atoms) else structure)
    fixed, limits = _limits(fixed or {}, bounds or {})
    stretches = (fixed["stretch"], fixed["stretch"]) if "stretch" in fixed else limits["stretch"]
    found = match(target, [structure], stretches)
    start = {"stretch": float(found.stretch[0, 0]), "biso": float(found.biso[0, 0]), "delta2": 0.0}
    return refine(target, structure, start, fixed, limits)


def refine(
    target: FitTarget,
    shape: DistanceList,
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]],
) -> Fit:
    """Least squares from a start: values for stretch, biso and delta2; the scale starts at its best."""
    free = [name for name in PARAMETERS if name not in fixed]
    values = {"scale": 1.0, **start, **fixed}
    shape = shape.up_to(REACH_MARGIN * target.longest / values["stretch"])
    if "scale" in free:
        f, _ = model(shape, target.q, values)
        values["scale"] = best_scale(f @ target.matrix, target.points)[0]
    errors: dict[str, float | None] = dict.fromkeys(PARAMETERS)
    if free:
        result = _least_squares(target, shape, values, free, limits)
        values.update(zip(free, result.x.tolist(), strict=True))
        errors |= _uncertainties(target, free, result)
    f, _ = model(shape, target.q, values)
    g_fit = values["scale"] * f @ target.full_matrix
    rw = float(np.sqrt(np.sum((target.g - g_fit) ** 2) / np.sum(target.g**2)))
    parameters = {name: float(values[name]) for name in PARAMETERS}
    return Fit(**parameters, errors=errors, rw=rw, rw_range=target.rw_range, r=target.r, g=target.g, g_fit=g_fit)


def refine_each(
    target: FitTarget,
    tasks: Sequence[tuple[DistanceList, Mapping[str, float]]],
    limits: Mapping[str, tuple[float, float]],
) -> list[Fit]:
    """Refines every free parameter of some shapes, each from its own start."""
    return [refine(target, shape, start, {}, limits) for shape, start in tasks]


def _least_squares(target: FitTarget, shape: DistanceList, start: dict, free: list[str], limits) -> OptimizeResult:
    # The Jacobian is asked for where the residuals were taken last: one evaluation serves both.
    @lru_cache(maxsize=1)
    def evaluate(x: bytes) -> tuple[np.ndarray, np.ndarray]:
        values = start | dict(zip(free, np.frombuffer(x), strict=True))
        f, slopes = model(shape, target.q, values)
        columns = [f if name == "scale" else values["scale"] * slopes[name] for name in free]
        return values["scale"] * f @ target.matrix - target.points, (np.stack(columns) @ target.matrix).T

    low, high = np.array([limits[name] for name in free]).T
    return least_squares(
        fun=lambda x: evaluate(x.tobytes())[0],
        jac=lambda x: evaluate(x.tobytes())[1],  # pyright: ignore[reportArgumentType]
        x0=np.clip([start[name] for name in free], low, high),
        bounds=(low, high),
        x_scale="jac",
        **dict.fromkeys(("ftol", "xtol", "gtol"), _TOLERANCE),
    )


def _limits(fixed: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]):
    for name in [*fixed, *bounds]:
        if name not in PARAMETERS:
            raise ValueError(f"parameter {name!r}: needs one of {', '.join(PARAMETERS)}")
    limits = {**DEFAULT_BOUNDS, **bounds}
    for name, (low, high) in limits.items():
        if not low < high:
            raise ValueError(f"bounds of {name}: {low} to {high}: needs low < high")
    return fixed, limits


def _uncertainties(target: FitTarget, free: list[str], result) -> dict[str, float | None]:
    inner = result.active_mask == 0
    names = [name for name, at in zip(free, inner, strict=True) if at]
    freedom = target.independent_points - len(names)
    if freedom <= 0 or not names:
        return {}
    jacobian = result.jac[:, inner]
    # Σres²·(points/independent) per point, over the same factor in JᵀJ: both counts cancel but for this.
    variance = 2 * result.cost / freedom
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    return dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True))
