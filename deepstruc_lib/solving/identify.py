"""Which shape of a library made each of many PDFs: the baseline that any model is shown against."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from deepstruc_lib.files import PDF
from deepstruc_lib.scattering.settings import PDFSettings
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, refine_each
from deepstruc_lib.solving.library import Shape
from deepstruc_lib.solving.target import FitTarget

# Nearest-neighbour distances of metals from nickel's 1.99 Å (0.866·2.30, a bcc particle of the DeepStruc corpus) to
# yttrium's 3.24 Å, with a margin of 2 %.
METAL_BONDS = (1.95, 3.31)


@dataclass(frozen=True)
class Identified:
    """The best shapes of each PDF.

    Args:
        shapes: Index into the library, best first.
        rw: Of the refined fits, in the same order.
        nearest: Fitted shortest distance, Å, in the same order.
    """

    shapes: Int[np.ndarray, "pdfs candidates"]
    rw: Float[np.ndarray, "pdfs candidates"]
    nearest: Float[np.ndarray, "pdfs candidates"]


def identify(
    pdfs: Float[np.ndarray, "pdfs r"],
    settings: PDFSettings,
    library: tuple[Shape, ...],
    *,
    candidates: int = 4,
    r_range: tuple[float, float] = (2.0, 30.0),
    bonds: tuple[float, float] = METAL_BONDS,
    progress: Callable[[int, int], None] | None = None,
) -> Identified:
    """Matches every PDF with every shape, refines the best few, and ranks these by Rw.

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
    coarse = match(
        target, [shape.distances for shape in library], bonds, pdfs=np.stack([other.points for other in targets])
    )
    likely = np.argsort(-coarse.explained, axis=1, kind="stable")[:, :candidates]
    limits = {**DEFAULT_BOUNDS, "stretch": (bonds[0] * 0.95, bonds[1] * 1.05)}

    tasks = [
        [
            (library[shape].distances, {"stretch": at[shape], "biso": biso[shape], "delta2": 0.0})
            for shape in shapes_of_row
        ]
        for shapes_of_row, at, biso in zip(likely, coarse.stretch, coarse.biso, strict=True)
    ]
    fits = []
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, refined in enumerate(pool.map(refine_each, targets, tasks, repeat(limits))):
            fits.append(refined)
            if progress:
                progress(done + 1, len(targets))
    rw = np.array([[fit.rw for fit in refined] for refined in fits])
    nearest = np.array([[fit.stretch for fit in refined] for refined in fits])
    order = np.argsort(rw, axis=1, kind="stable")
    return Identified(*(np.take_along_axis(array, order, axis=1) for array in (likely, rw, nearest)))
