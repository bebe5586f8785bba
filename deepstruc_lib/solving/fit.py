"""One structure against one PDF: scale, stretch, B and delta2 by least squares."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms
from jaxtyping import Float

from deepstruc_lib.files import PDF
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.histograms import Histograms
from deepstruc_lib.solving.least_squares import Minimum, Residuals, minimise
from deepstruc_lib.solving.pairs import DistanceList, merged_distances
from deepstruc_lib.solving.target import REACH_MARGIN, FitTarget, best_scale, model

PARAMETERS: tuple[str, ...] = ("scale", "stretch", "biso", "delta2")
# Å². U from 0.0015 to 0.09 Å² covers a cold metal core and a badly disordered shell; beyond delta2 = 6 Å² the first
# peak of a metal would be sharper than a point.
DEFAULT_BOUNDS: dict[str, tuple[float, float]] = {
    "scale": (0.0, np.inf),
    "stretch": (0.9, 1.1),
    "biso": (0.0015 * B_PER_U, 0.09 * B_PER_U),
    "delta2": (0.0, 6.0),
}


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
    refined together (Levenberg–Marquardt, analytic Jacobian).

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
    nearest = structure.nearest
    found = match(target, Histograms.of_lists([structure]), (stretches[0] * nearest, stretches[1] * nearest))
    start = {"stretch": found.stretch.item() / nearest, "biso": found.biso.item(), "delta2": 0.0}
    return refine(target, structure, start, fixed, limits)


def refine(
    target: FitTarget,
    shape: DistanceList,
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    limits: Mapping[str, tuple[float, float]],
) -> Fit:
    """Least squares from a start: stretch, biso and delta2; the scale starts at its best where none is given."""
    values = {**start, **fixed}
    shape = shape.up_to(REACH_MARGIN * target.longest / values["stretch"])
    if "scale" not in values:
        f, _ = model(shape, target.q, values)
        values["scale"] = best_scale(f @ target.matrix, target.points)[0]
    low, high = np.array([(fixed[name],) * 2 if name in fixed else limits[name] for name in PARAMETERS]).T
    tried: dict[bytes, np.ndarray] = {}

    def residuals(x: np.ndarray, _: np.ndarray) -> Residuals:
        values = dict(zip(PARAMETERS, x[0].tolist(), strict=True))
        f, slopes = model(shape, target.q, values)
        tried[x.tobytes()] = f
        curves = np.stack([f, *(slopes[name] for name in PARAMETERS[1:])]) @ target.matrix
        derivatives = curves * np.array([1.0, *[values["scale"]] * 3])[:, None]
        return Residuals(values["scale"] * curves[:1] - target.points, derivatives[None])

    found = minimise(residuals, np.array([[values[name] for name in PARAMETERS]]), low[None], high[None])
    values = dict(zip(PARAMETERS, found.x[0].tolist(), strict=True))
    g_fit = values["scale"] * tried[found.x.tobytes()] @ target.full_matrix
    rw = float(np.sqrt(np.sum((target.g - g_fit) ** 2) / np.sum(target.g**2)))
    curves = {"r": target.r, "g": target.g, "g_fit": g_fit}
    return Fit(**values, errors=_uncertainties(target, found), rw=rw, rw_range=target.rw_range, **curves)


def refine_each(
    target: FitTarget,
    tasks: Sequence[tuple[Float[np.ndarray, "atoms 3"], Mapping[str, float]]],
    limits: Mapping[str, tuple[float, float]],
) -> list[Fit]:
    """Refines every free parameter of some structures, each from its own start.

    Args:
        target: What is fitted.
        tasks: Positions, and the start.
        limits: Lowest and highest value of each parameter.
    """
    return [refine(target, merged_distances(positions), start, {}, limits) for positions, start in tasks]


def _limits(fixed: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]):
    for name in [*fixed, *bounds]:
        if name not in PARAMETERS:
            raise ValueError(f"parameter {name!r}: needs one of {', '.join(PARAMETERS)}")
    limits = {**DEFAULT_BOUNDS, **bounds}
    for name, (low, high) in limits.items():
        if not low < high:
            raise ValueError(f"bounds of {name}: {low} to {high}: needs low < high")
    return fixed, limits


def _uncertainties(target: FitTarget, found: Minimum) -> dict[str, float | None]:
    inner = found.inner[0]
    errors: dict[str, float | None] = dict.fromkeys(PARAMETERS)
    freedom = target.independent_points - inner.sum()
    if freedom <= 0 or not inner.any():
        return errors
    # Σres²·(points/independent) per point, over the same factor in JᵀJ: both counts cancel but for this.
    variance = found.squares[0] / freedom
    covariance = np.linalg.pinv(found.normal[0][np.ix_(inner, inner)]) * variance
    names = [name for name, free in zip(PARAMETERS, inner, strict=True) if free]
    return errors | dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True))
