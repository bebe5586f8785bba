"""The fit's forward model: distances → F(Q) → G(r) at a measured PDF's points, with derivatives."""

import copy
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from jaxtyping import Float

from deepstruc_lib.files import PDF
from deepstruc_lib.scattering.quadrature import quadrature, sine_matrix
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.pairs import DistanceList

# Å. Below 2 Å a measured G(r) of a metal holds only artefacts; the published fits end at 20 Å.
DEFAULT_RANGE = (2.0, 20.0)
# Instrument damping where neither file nor user says otherwise (Å⁻¹); usual for area detectors.
DEFAULT_QDAMP = 0.04
# Residuals are taken at about this spacing (Å): half of π/qmax of the best data, so nothing is lost.
_FIT_STEP = 0.05
# Pairs up to this number over qmax beyond the fit range still send termination ripples into it: six waves of 2π/qmax,
# as diffpy.srreal counts them.
_RIPPLE_REACH = 12 * np.pi
# A refinement takes pairs up to this much beyond reach, since the stretch may shrink from its start; and F(Q) is exact
# for pairs this much beyond, should it grow instead.
REACH_MARGIN, _LONGEST_WAVE = 1.1, 1.45
# A detector that damps more than this (Å⁻¹) leaves no second shell.
_LARGEST_QDAMP = 0.5
# Å⁻¹. Less than this between qmin and qmax cannot separate a metal's first two shells (π/width < 1 Å).
_SHORTEST_Q_RANGE = 4.0
# Of the largest eigenvalue; the square of single precision's rounding error.
_NEGLIGIBLE = 1e-12
# Four parameters want more data than that; a few shells of neighbours have them.
_FEWEST_INDEPENDENT_POINTS = 12


class FitTarget:
    """A measured PDF made ready for many fits: its points, and the matrices that take F(Q) there.

    Args:
        pdf: With qmin and qmax.
        r_range: First and last r, Å; by default 2 to 20 Å or to the end of the data.
        qdamp: Overrides the file's, Å⁻¹.

    Raises:
        ValueError: The PDF has no Q range, its r range is shorter than what is asked for, or the values are such that
            nothing could be fitted.
    """

    def __init__(self, pdf: PDF, r_range: tuple[float, float] | None = None, qdamp: float | None = None) -> None:
        if pdf.qmin is None or pdf.qmax is None:
            raise ValueError("the PDF has no Q range: needs qmin and qmax in Å⁻¹ (--qmin, --qmax)")
        low, high = r_range or (max(DEFAULT_RANGE[0], pdf.rmin), min(DEFAULT_RANGE[1], pdf.rmax))
        part = pdf.cut(low, high)
        self.qmin, self.qmax = pdf.qmin, pdf.qmax
        self.qdamp = next(value for value in (qdamp, pdf.qdamp, DEFAULT_QDAMP) if value is not None)
        self.rw_range = (float(part.r[0]), float(part.r[-1]))
        self._check(pdf.rstep)
        self.r, self.g = part.r, part.g
        self.longest = self.rw_range[1] + _RIPPLE_REACH / self.qmax
        self.q, self.weights = quadrature(self.qmin, self.qmax, self.rw_range[1] + _LONGEST_WAVE * self.longest)
        self.full_matrix = sine_matrix(self.q, self.weights, self.r, self.qdamp)
        self._every = max(1, int(_FIT_STEP / pdf.rstep + 1e-6))
        self.matrix, self.points = np.ascontiguousarray(self.full_matrix[:, :: self._every]), self.g[:: self._every]
        self.r_points = self.r[:: self._every]
        if not np.any(self.points):
            raise ValueError(f"G is zero from {low:g} to {high:g} Å: needs a signal to fit")

    def _check(self, rstep: float) -> None:
        if not 0 <= self.qdamp <= _LARGEST_QDAMP:
            raise ValueError(f"qdamp = {self.qdamp}: needs 0 to {_LARGEST_QDAMP} Å⁻¹")
        if not self.qmin + _SHORTEST_Q_RANGE <= self.qmax <= np.pi / rstep:
            raise ValueError(
                f"Q from {self.qmin:g} to {self.qmax:g} Å⁻¹: needs {_SHORTEST_Q_RANGE:g} Å⁻¹ or more between them, and "
                f"qmax up to π/rstep = {np.pi / rstep:.4g} Å⁻¹"
            )
        if self.independent_points < _FEWEST_INDEPENDENT_POINTS:
            low, high = self.rw_range
            raise ValueError(
                f"{low:g} to {high:g} Å at qmax = {self.qmax:g} Å⁻¹ hold {self.independent_points:.1f} independent "
                f"points: needs {_FEWEST_INDEPENDENT_POINTS} or more for four parameters"
            )

    def with_g(self, g: Float[np.ndarray, " r"]) -> "FitTarget":
        """The same grid and matrices for another measured curve on `self.r`, Å⁻²."""
        other = copy.copy(self)
        other.g, other.points = g, g[:: self._every]
        return other

    @cached_property
    def compressed(self) -> tuple[Float[np.ndarray, "q k"], Float[np.ndarray, "points k"]]:
        """F(Q) @ matrix are k numbers with the squares and products of the curve's points; points @ projection alike.

        A curve of Q up to qmax has only about range·qmax/π independent values, however many points.
        """
        values, vectors = np.linalg.eigh(self.matrix @ self.matrix.T)
        kept = values > _NEGLIGIBLE * values[-1]
        roots = np.sqrt(values[kept])
        return vectors[:, kept] * roots, self.matrix.T @ (vectors[:, kept] / roots)

    @property
    def independent_points(self) -> float:
        """range·qmax/π, the number of independent data in the range (Nyquist; doi:10.1103/PhysRevB.84.134105)."""
        return (self.rw_range[1] - self.rw_range[0]) * self.qmax / np.pi


def model(
    shape: DistanceList, q: Float[np.ndarray, " q"], values: Mapping[str, float]
) -> tuple[Float[np.ndarray, " q"], dict[str, Float[np.ndarray, " q"]]]:
    """F(Q) = 2/N Σ nₘ exp(−c U Q²) sin(QD)/D at D = stretch·dₘ, c = 1 − delta2/D² ≥ 0, and its derivatives.

    Args:
        shape: Distances dₘ and how many pairs nₘ have them.
        q: In Å⁻¹.
        values: stretch, biso (Å²) and delta2 (Å²).
    """
    stretch, u, delta2 = values["stretch"], values["biso"] / B_PER_U, values["delta2"]
    d = stretch * shape.distances
    sharpened = np.maximum(1 - delta2 / d**2, 0)
    clipped = sharpened > 0
    phase = np.outer(d, q)
    decay = np.exp(np.outer(sharpened, -u * q**2))
    sine = np.sin(phase)
    sine *= decay
    np.cos(phase, out=phase)
    phase *= decay
    n = shape.counts * (2 / shape.atoms)
    rows = np.stack([n / d, n / d * sharpened, n / d**3 * clipped]) @ sine
    f = rows[0]
    by_stretch = (q * (n @ phase) - f - 2 * delta2 * u * q**2 * rows[2]) / stretch
    slopes = {"stretch": by_stretch, "biso": -(q**2) * rows[1] / B_PER_U, "delta2": u * q**2 * rows[2]}
    return f, slopes


def best_scale(simulated: np.ndarray, measured: np.ndarray) -> tuple[float, float]:
    """Least-squares scale, never negative, and the share of Σg² it explains."""
    overlap = max(float(simulated @ measured), 0.0)
    norm = float(simulated @ simulated)
    return overlap / norm, overlap**2 / norm / float(measured @ measured)
