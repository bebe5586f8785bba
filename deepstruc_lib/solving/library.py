"""The classical answer: every shape of a library against one PDF, ranked by Rw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepstruc_lib.files import PDF
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, Fit
from deepstruc_lib.solving.index import Index, Progress, Shape, Structure, build_index
from deepstruc_lib.solving.index_file import library_index
from deepstruc_lib.solving.search import Limits, search
from deepstruc_lib.solving.target import FitTarget

if TYPE_CHECKING:
    from ase import Atoms

    from deepstruc_lib.particles import Recipe

# Where metals have their nearest neighbours, Å, with room for a contracted or a swollen bond.
_FIRST_PEAK_WINDOW = (1.9, 4.0)
# The first peak is the first one at least this high relative to the highest: in simple cubic the second shell
# (12 atoms at √2) gives a higher peak than the first (6 atoms).
_FIRST_PEAK_HEIGHT = 0.4
# The first peak is a mean over unequal bonds; the shortest one of a shape lies within this factor of it.
FIRST_PEAK_MARGIN = 1.09
# Libraries that are kept in memory.
_KEPT = 4


@dataclass(frozen=True, eq=False)
class Candidate:
    """A shape and its fit; the fit's stretch is the shortest distance in Å."""

    shape: Shape
    fit: Fit

    def atoms(self, element: str) -> "Atoms":
        """The fitted particle."""
        from ase import Atoms

        return Atoms(f"{element}{self.shape.n_atoms}", positions=self.shape.positions(self.fit.stretch))


@dataclass(frozen=True, eq=False)
class LibraryFit:
    """Candidates by rising Rw, of how many shapes these are the best, and whether the search came to its end."""

    candidates: tuple[Candidate, ...]
    searched: int
    complete: bool


def shapes(library: "str | tuple[Recipe, ...]") -> tuple[Shape, ...]:
    """The shapes of a named library ("deepstruc", "extended") or of some recipes; built once, then kept."""
    index = _index_of(library)
    return tuple(index.shape(row) for row in range(len(index)))


def index_of(library: "str | Index | Sequence[Recipe]", progress: Progress | None = None) -> Index:
    """What is searched: an index as it is, or that of a named library or of recipes; built once, then kept.

    Args:
        library: A name, an index, or recipes.
        progress: Called with the number of structures built, and of all.
    """
    if isinstance(library, Index):
        return library
    return _index_of(library if isinstance(library, str) else tuple(library), progress)


_kept: dict[str | tuple["Recipe", ...], Index] = {}


def _index_of(library: "str | tuple[Recipe, ...]", progress: Progress | None = None) -> Index:
    if library not in _kept:
        if len(_kept) >= _KEPT:
            _kept.pop(next(iter(_kept)))
        if isinstance(library, str):
            _kept[library] = library_index(library, progress)
        else:
            _kept[library] = build_index(map(Structure.of_recipe, library), progress=progress, distinct=True)
    return _kept[library]


def first_peak(pdf: PDF | FitTarget) -> float:
    """Position of the nearest-neighbour peak, Å, whatever range is fitted.

    Raises:
        ValueError: There is none where a metal has it.
    """
    physical = pdf.r >= _FIRST_PEAK_WINDOW[0]  # below it a measured G(r) of a metal holds only artefacts
    r, g = pdf.r[physical], pdf.g[physical]
    peaks = 1 + np.flatnonzero((g[1:-1] > g[:-2]) & (g[1:-1] >= g[2:]) & (g[1:-1] >= _FIRST_PEAK_HEIGHT * g.max()))
    near = [r for r in r[peaks] if _FIRST_PEAK_WINDOW[0] <= r <= _FIRST_PEAK_WINDOW[1]]
    if not near:
        low, high = _FIRST_PEAK_WINDOW
        raise ValueError(f"no peak between {low} and {high} Å: needs the nearest-neighbour peak of a metal")
    return float(near[0])


def fit_limits(pdf: PDF | FitTarget) -> tuple[tuple[float, float], Limits]:
    """Which shortest distances a search tries, and the limits of a refinement, from the first peak.

    Raises:
        ValueError: There is no peak where a metal has it.
    """
    peak = first_peak(pdf)
    low, high = peak / FIRST_PEAK_MARGIN, peak * FIRST_PEAK_MARGIN
    return (low, high), {**DEFAULT_BOUNDS, "stretch": (low / FIRST_PEAK_MARGIN, high * FIRST_PEAK_MARGIN)}


def library_fit(
    pdf: PDF | FitTarget,
    library: "str | Index | Sequence[Recipe]" = "deepstruc",
    *,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    everything: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> LibraryFit:
    """Fits the shapes of a library to a PDF: scale, size of the bond, B and delta2 of each that may be among the best.

    All shapes are matched, the best of them refined together by tables, and of these the ones that can still be among
    the first five refined exactly (see `search`). A run that is interrupted (Ctrl-C) returns the best so far.

    Args:
        pdf: Measured G(r) of a one-element particle.
        library: A name, an index of one's own, or recipes.
        r_range: First and last r, Å.
        qdamp: Overrides the file's, Å⁻¹.
        everything: Refine every shape exactly, and return them all.
        cluster: Address of a running dask scheduler, such as tcp://host:8786; this machine's cores where None.
        progress: Called with the number of shapes done, and of all; before, while a library is built, with those built.
    """
    target = pdf if isinstance(pdf, FitTarget) else FitTarget(pdf, r_range, qdamp)
    index = index_of(library, progress)
    found = search(target, index, *fit_limits(pdf), everything=everything, cluster=cluster, progress=progress)
    candidates = [Candidate(index.shape(row), fit) for row, fit in found.fits]
    return LibraryFit(tuple(candidates), len(index), found.complete)
