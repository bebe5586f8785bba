"""Which shape of a library made each of many PDFs: the baseline that any model is shown against."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.files import PDF
from deepstruc_lib.scattering.settings import PDFSettings
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, PARAMETERS, refine
from deepstruc_lib.solving.histograms import Histograms
from deepstruc_lib.solving.index import Shape
from deepstruc_lib.solving.search import MARGIN
from deepstruc_lib.solving.target import FitTarget
from deepstruc_lib.solving.together import Tables, refine_together, start_values
from deepstruc_lib.solving.workers import workers

# Nearest-neighbour distances of metals from nickel's 1.99 Å (0.866·2.30, a bcc particle of the DeepStruc corpus) to
# yttrium's 3.24 Å, with a margin of 2 %.
METAL_BONDS = (1.95, 3.31)


@dataclass(frozen=True)
class Identified:
    """The best shapes of each PDF.

    Args:
        shapes: Index into the library, best first.
        rw: Of the refined fits, in the same order; of those that are not within 0.005 of the best to about 0.001.
        nearest: Fitted shortest distance, Å, in the same order.
    """

    shapes: Int[ndarray, "pdfs candidates"]
    rw: Float[ndarray, "pdfs candidates"]
    nearest: Float[ndarray, "pdfs candidates"]


def identify(
    pdfs: Float[ndarray, "pdfs r"],
    settings: PDFSettings,
    library: tuple[Shape, ...],
    *,
    candidates: int = 4,
    r_range: tuple[float, float] = (2.0, 30.0),
    bonds: tuple[float, float] = METAL_BONDS,
    progress: Callable[[int, int], None] | None = None,
) -> Identified:
    """Matches every PDF with every shape, refines the best few as `library_fit` does, and ranks these by Rw.

    Args:
        pdfs: G(r) on `settings.r`, any scale, Å⁻².
        settings: Q range, grid and damping they were made with; B and correlated motion are fitted.
        library: From `shapes`.
        candidates: How many shapes of the coarse match are refined. It knows no correlated motion: where that is
            strong, 4 lose the true shape in some per cent of cases, 8 in fewer.
        r_range: First and last r used, Å.
        bonds: Lowest and highest nearest-neighbour distance, Å.
        progress: Called with the number of PDFs done, and of all.

    Raises:
        ValueError: The PDFs are not on the settings' grid.
    """
    if pdfs.ndim != 2 or pdfs.shape[1] != len(settings.r):
        raise ValueError(f"pdfs have shape {pdfs.shape}: needs (pdfs, {len(settings.r)}), the settings' r grid")
    r = settings.r
    first = PDF(r=r, g=pdfs[0], qmin=settings.qmin, qmax=settings.qmax, qdamp=settings.qdamp)
    target = FitTarget(first, r_range)
    kept = (r >= target.r[0] - settings.rstep / 2) & (r <= target.r[-1] + settings.rstep / 2)
    targets = [target.with_g(g) for g in np.asarray(pdfs, dtype=float)[:, kept]]
    histograms = Histograms.of_lists([shape.distances for shape in library])
    coarse = match(target, histograms, bonds, pdfs=np.stack([other.points for other in targets]))
    likely = np.argsort(-coarse.explained, axis=1, kind="stable")[:, :candidates]
    limits = {**DEFAULT_BOUNDS, "stretch": (bonds[0] * 0.95, bonds[1] * 1.05)}
    tables = Tables.reaching(target, limits["stretch"], histograms.longest)
    filled = tables.of(histograms.block(range(len(library)), tables.bins))

    def ranked(row: int) -> tuple[ndarray, ndarray, ndarray]:
        rows = likely[row]
        starts = start_values(coarse.stretch[row, rows], coarse.biso[row, rows])
        rough = refine_together(targets[row], tables, filled[rows], starts, limits)
        rw, nearest = rough.rw, rough.parameters[:, 1]
        for place in np.flatnonzero(rw <= rw.min() + MARGIN):
            start = dict(zip(PARAMETERS, rough.parameters[place].tolist(), strict=True))
            fit = refine(targets[row], library[rows[place]].distances, start, {}, limits)
            rw[place], nearest[place] = fit.rw, fit.stretch
        order = np.argsort(rw, kind="stable")
        return rows[order], rw[order], nearest[order]

    found = []
    with workers() as pool:
        for done, one in enumerate(pool.map(ranked, range(len(targets)))):
            found.append(one)
            if progress:
                progress(done + 1, len(targets))
    return Identified(*map(np.array, zip(*found, strict=True)))
