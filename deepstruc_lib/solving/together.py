"""Many structures refined against a PDF together: scale, stretch, B and delta2 of each, by tables instead of sums.

F(Q) = (1/s) Σᵢ exp(−U Q² cᵢ) Φᵢ(sQ), cᵢ = max(0, 1 − δ₂wᵢ/s²), with Φᵢ(x) = 2/N Σ_pairs ℓᵢ(1/d²) sin(xd)/d, where d
is in units of the shortest distance and s that distance in Å. The damping of a pair is a function of 1/d²; it is known
exactly at five nodes wᵢ and interpolated between them by Lagrange's polynomials ℓᵢ. So a structure of any size is five
tables over x, and its curve at any parameters costs a look-up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.bins import POINTS, stencil
from deepstruc_lib.solving.histograms import bins_up_to, distances_of
from deepstruc_lib.solving.least_squares import Residuals, minimise
from deepstruc_lib.solving.target import REACH_MARGIN, FitTarget

# Where the damping is exact: Chebyshev–Lobatto points of 1/d² in [0, 1], among them the nearest neighbours (1), those
# at √2 (1/2), and pairs far apart (0).
NODES = (1 - np.cos(np.pi * np.arange(5) / 4)) / 2
# By how much a wave of the longest distance turns from one entry of a table to the next.
_PHASE = 0.6


@dataclass(frozen=True, eq=False)
class Refined:
    """Where the refinement of some structures ended.

    Args:
        parameters: scale, stretch (Å), biso (Å²), delta2 (Å²).
        rw: On the target's thinned grid.
    """

    parameters: Float[ndarray, "structures 4"]
    rw: Float[ndarray, " structures"]


@dataclass(frozen=True, eq=False)
class Tables:
    """Turns histograms into tables for one target and range of stretches.

    Args:
        target: What is fitted.
        stretches: Lowest and highest, Å.
        longest: Longest distance that counts, in shortest ones.
    """

    target: FitTarget
    stretches: tuple[float, float]
    longest: float

    @classmethod
    def reaching(cls, target: FitTarget, stretches: tuple[float, float], longest: float) -> "Tables":
        """Tables for structures of this longest distance; pairs too far to be seen are left out."""
        middle = float(np.sqrt(stretches[0] * stretches[1]))
        return cls(target, stretches, min(longest, REACH_MARGIN * target.longest / middle))

    @property
    def bins(self) -> int:
        """How many bins of the histograms count."""
        return bins_up_to(self.longest)

    @property
    def _step(self) -> float:
        return _PHASE / self.longest

    @property
    def _start(self) -> float:
        return self.stretches[0] * self.target.qmin - POINTS * self._step

    @cached_property
    def _entries(self) -> int:
        return int((self.stretches[1] * self.target.qmax - self._start) / self._step) + POINTS

    @cached_property
    def _kernel(self) -> Float[ndarray, "bins entries*5"]:
        d = distances_of(self.bins)
        x = self._start + self._step * np.arange(self._entries)
        waves = np.sin(np.outer(d, x).astype(np.float32))
        shares = _lagrange(1 / d**2) / d[:, None]
        return (waves[:, :, None] * shares[:, None, :].astype(np.float32)).reshape(len(d), -1)

    def of(self, histograms: Float[ndarray, "structures bins"]) -> Float[ndarray, "structures entries 5"]:
        """Φᵢ on the grid of x."""
        return (histograms @ self._kernel).reshape(len(histograms), self._entries, len(NODES))

    def structure_functions(
        self,
        tables: Float[ndarray, "structures entries 5"],
        rows: Int[ndarray, " some"],
        parameters: Float[ndarray, "some 3"],
    ) -> Float[ndarray, "some 4 q"]:
        """F(Q) of some structures at their stretch, biso and delta2, and its derivatives by these.

        Args:
            tables: From `of`.
            rows: Which structures.
            parameters: Of these.
        """
        q, w = self.target.q.astype(np.float32), NODES.astype(np.float32)
        stretch, biso, delta2 = (column[:, None].astype(np.float32) for column in parameters.T)
        first, weights = stencil((parameters[:, :1] * self.target.q - self._start) / self._step)
        windows = sliding_window_view(tables.reshape(len(tables), -1), POINTS * len(w), axis=1)
        near = windows[rows[:, None], first * len(w)].reshape(*first.shape, POINTS, len(w))
        sharpened = np.maximum(1 - delta2 / stretch**2 * w, 0)
        damped = np.exp(-(biso / B_PER_U * q**2)[..., None] * sharpened[:, None])
        by = np.stack([np.ones_like(sharpened), sharpened, w * (sharpened > 0)], axis=2)
        # Φ and its slope, each summed over the nodes with these three factors.
        sums = weights @ near @ (damped[..., None] * by[:, None])
        f = sums[..., 0, 0] / stretch
        by_delta2 = biso / B_PER_U * q**2 * sums[..., 0, 2] / stretch**3
        by_stretch = (sums[..., 1, 0] * (q / np.float32(self._step)) - f - 2 * delta2 * by_delta2) / stretch
        return np.stack([f, by_stretch, -(q**2) / B_PER_U * sums[..., 0, 1] / stretch, by_delta2], axis=1)


def refine_together(
    target: FitTarget,
    tables: Tables,
    filled: Float[ndarray, "structures entries 5"],
    starts: Float[ndarray, "structures 3"],
    limits: Mapping[str, tuple[float, float]],
) -> Refined:
    """Refines each structure from its own start: stretch, biso, delta2; the scale starts at its best.

    Args:
        target: On the grid of the tables' target.
        tables: For the limits' stretches.
        filled: The structures' tables.
        starts: Of each structure.
        limits: Lowest and highest value of each parameter.
    """
    matrix, projection = target.compressed
    single, data = matrix.astype(np.float32), target.points @ projection
    low, high = np.array([limits[name] for name in ("scale", "stretch", "biso", "delta2")]).T

    def residuals(x: ndarray, rows: ndarray) -> Residuals:
        curves = (tables.structure_functions(filled, rows, x[:, 1:]) @ single).astype(float)
        slopes = curves * np.where(np.arange(4) == 0, 1.0, x[:, :1])[:, :, None]
        return Residuals(x[:, :1] * curves[:, 0] - data, slopes)

    starts = np.clip(starts, low[1:], high[1:])
    curves = (tables.structure_functions(filled, np.arange(len(starts)), starts)[:, 0] @ single).astype(float)
    scale = np.maximum(curves @ data, 0) / np.sum(curves**2, axis=1)
    found = minimise(residuals, np.column_stack([scale, starts]), low[None], high[None])
    whole = float(target.points @ target.points)
    # What lies outside of the band that any curve has.
    beyond = whole - float(data @ data)
    return Refined(found.x, np.sqrt((found.squares + beyond) / whole))


def refine_histograms(
    target: FitTarget,
    tables: Tables,
    histograms: Float[ndarray, "structures bins"],
    starts: Float[ndarray, "structures 3"],
    limits: Mapping[str, tuple[float, float]],
) -> Refined:
    """The same for structures whose tables are not filled yet."""
    return refine_together(target, tables, tables.of(histograms), starts, limits)


def _lagrange(w: Float[ndarray, " n"]) -> Float[ndarray, "n 5"]:
    """Weights of the nodes for a value at w."""
    columns = [np.prod([(w - other) / (node - other) for other in NODES if other != node], axis=0) for node in NODES]
    return np.stack(columns, axis=1)


def start_values(stretch: Sequence[float], biso: Sequence[float]) -> Float[ndarray, "structures 3"]:
    """Starts from a coarse match, which knows no correlated motion."""
    return np.column_stack([stretch, biso, np.zeros(len(stretch))])
