"""A PDF on an axis of r in units of its own first peak: there the curves of a shape at any bond length nearly agree."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d

from deepstruc_lib.files import PDF

# In units of the first peak. The end is where PDFs to 30 Å end for the largest metals, the step what Qmax = 25 Å⁻¹
# resolves there (π/Qmax = 0.126 Å).
GRID = np.round(np.arange(0.7, 9.0, 0.04), 12)
GRID.flags.writeable = False
# Å. No metal's neighbours are nearer, and measured curves are unphysical below.
_NEAREST = 1.7
# The first peak reaches this share of the highest; in a simple cubic particle, where it is lowest, it has two thirds.
_LEAST_HEIGHT = 0.5
# Å. It is the highest within this distance, which noise is not, and the second peak of bcc lies farther.
_APART = 0.25
# Points on either side of a peak between which the spline through them is trusted.
_AROUND = 3


def rescaled_pdfs(pdfs: Iterable[PDF]) -> tuple[Float[ndarray, "pdfs x"], Float[ndarray, " pdfs"]]:
    """G on `GRID` divided by its maximum there, zero beyond the measured range, and the place of each first peak, Å.

    Raises:
        ValueError: A PDF is nowhere positive where atoms can be neighbours.
    """
    found = [_rescaled(pdf) for pdf in pdfs]
    curves = np.array([curve for curve, _ in found]).reshape(-1, len(GRID))
    return curves, np.array([place for _, place in found])


def _rescaled(pdf: PDF) -> tuple[Float[ndarray, " x"], float]:
    place = first_peak(pdf)
    r = GRID * place
    inside = (r >= pdf.rmin) & (r <= pdf.rmax)
    curve = np.zeros(len(GRID))
    curve[inside] = CubicSpline(pdf.r, pdf.g)(r[inside])
    return curve / curve.max(), place


def first_peak(pdf: PDF) -> float:
    """Where the first high peak of G has its maximum, Å: the nearest-neighbour distance, but for what overlaps it.

    Raises:
        ValueError: G is nowhere positive where atoms can be neighbours.
    """
    kept = pdf.r >= _NEAREST
    r, g = pdf.r[kept], pdf.g[kept]
    if len(g) == 0 or g.max() <= 0:
        raise ValueError(f"no positive G beyond {_NEAREST:g} Å: needs peaks of neighbours")
    width = 2 * round(_APART / pdf.rstep) + 1
    peaks = np.flatnonzero((g >= _LEAST_HEIGHT * g.max()) & (g == maximum_filter1d(g, width)))
    peak = int(peaks[0])
    some = slice(max(peak - _AROUND, 0), peak + _AROUND + 1)
    if len(r[some]) < 4:  # too few for a cubic spline
        return float(r[peak])
    turns = CubicSpline(r[some], g[some]).derivative().roots(extrapolate=False)
    near = turns[np.abs(turns - r[peak]) <= pdf.rstep]
    return float(near[np.argmin(np.abs(near - r[peak]))]) if len(near) else float(r[peak])
