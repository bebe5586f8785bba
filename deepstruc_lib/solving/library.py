"""The classical answer: every shape of a library fitted to one PDF, ranked by Rw."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ase import Atoms
from jaxtyping import Float
from scipy.signal import find_peaks
from threadpoolctl import threadpool_limits

from deepstruc_lib.files import PDF
from deepstruc_lib.particles import Recipe, shape_library
from deepstruc_lib.solving.coarse import match
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, Fit, refine_each
from deepstruc_lib.solving.pairs import DistanceList, merged_distances
from deepstruc_lib.solving.target import FitTarget

log = logging.getLogger(__name__)

# Where metals have their nearest neighbours, Å, with room for a contracted or a swollen bond.
_FIRST_PEAK_WINDOW = (1.9, 4.0)
# The first peak is the first one at least this high relative to the highest: in simple cubic the second shell
# (12 atoms at √2) gives a higher peak than the first (6 atoms).
_FIRST_PEAK_HEIGHT = 0.4
# The first peak is a mean over unequal bonds; the shortest one of a shape lies within this factor of it.
_BOND_MARGIN = 1.09
# Shapes handed to a worker at once: a few dozen milliseconds of work.
_BATCH = 8


@dataclass(frozen=True, eq=False)
class Shape:
    """A shape of a library, without scale.

    Args:
        recipe: How to build it.
        distances: In units of its shortest distance.
    """

    recipe: Recipe
    distances: DistanceList

    def positions(self, nearest: float) -> Float[np.ndarray, "atoms 3"]:
        """Positions in Å when the shortest distance is `nearest` Å."""
        positions = self.recipe.positions(1.0)
        return positions * (nearest / merged_distances(positions).nearest)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A shape and its fit; the fit's stretch is the shortest distance in Å."""

    shape: Shape
    fit: Fit

    def atoms(self, element: str) -> Atoms:
        """The fitted particle."""
        return Atoms(f"{element}{self.shape.recipe.n_atoms}", positions=self.shape.positions(self.fit.stretch))


@dataclass(frozen=True, eq=False)
class LibraryFit:
    """Candidates by rising Rw, and whether all shapes were tried."""

    candidates: tuple[Candidate, ...]
    complete: bool


@lru_cache(maxsize=4)
def shapes(library: str | tuple[Recipe, ...]) -> tuple[Shape, ...]:
    """The shapes of a named library ("deepstruc", "extended") or of some recipes; built once, then kept."""
    recipes = shape_library(library) if isinstance(library, str) else library
    return tuple(_shape(recipe) for recipe in recipes)


def _shape(recipe: Recipe) -> Shape:
    merged = merged_distances(recipe.positions(1.0))
    return Shape(recipe, DistanceList(merged.distances / merged.nearest, merged.counts, merged.atoms))


def first_peak(pdf: PDF | FitTarget) -> float:
    """Position of the nearest-neighbour peak, Å, whatever range is fitted.

    Raises:
        ValueError: There is none where a metal has it.
    """
    physical = pdf.r >= _FIRST_PEAK_WINDOW[0]  # below it a measured G(r) of a metal holds only artefacts
    r, g = pdf.r[physical], pdf.g[physical]
    peaks, _ = find_peaks(g, height=_FIRST_PEAK_HEIGHT * g.max())
    near = [r for r in r[peaks] if _FIRST_PEAK_WINDOW[0] <= r <= _FIRST_PEAK_WINDOW[1]]
    if not near:
        low, high = _FIRST_PEAK_WINDOW
        raise ValueError(f"no peak between {low} and {high} Å: needs the nearest-neighbour peak of a metal")
    return float(near[0])


def library_fit(
    pdf: PDF | FitTarget,
    library: str | Sequence[Recipe] = "deepstruc",
    *,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LibraryFit:
    """Fits every shape of a library to a PDF: scale, size of the bond, B and delta2 of each.

    A coarse match of all shapes comes first; they are then refined from the best one down, so that a run that is
    interrupted (Ctrl-C) returns the likely ones.

    Args:
        pdf: Measured G(r) of a one-element particle.
        library: A name, or recipes.
        r_range: First and last r, Å.
        qdamp: Overrides the file's, Å⁻¹.
        cluster: Address of a running dask scheduler, such as tcp://host:8786; this machine's cores where None.
        progress: Called with the number of shapes done, and of all.
    """
    target = pdf if isinstance(pdf, FitTarget) else FitTarget(pdf, r_range, qdamp)
    every = shapes(library if isinstance(library, str) else tuple(library))
    peak = first_peak(pdf)
    bonds = (peak / _BOND_MARGIN, peak * _BOND_MARGIN)
    found = match(target, [shape.distances for shape in every], bonds)
    order = np.argsort(-found.explained[0], kind="stable")
    starts = [{"stretch": float(found.stretch[0, i]), "biso": float(found.biso[0, i]), "delta2": 0.0} for i in order]
    fits, complete = _refine_all(target, [every[i] for i in order], starts, bonds, cluster, progress)
    candidates = [Candidate(every[order[place]], result) for place, result in fits.items()]
    return LibraryFit(tuple(sorted(candidates, key=lambda candidate: candidate.fit.rw)), complete)


def _refine_all(target, ordered, starts, bonds, cluster, progress) -> tuple[dict[int, Fit], bool]:
    limits = {**DEFAULT_BOUNDS, "stretch": (bonds[0] / _BOND_MARGIN, bonds[1] * _BOND_MARGIN)}
    done: dict[int, Fit] = {}
    with _workers(cluster) as pool:
        pending: dict[Future, range] = {}
        for first in range(0, len(ordered), _BATCH):
            places = range(first, min(first + _BATCH, len(ordered)))
            tasks = [(ordered[place].distances, starts[place]) for place in places]
            pending[pool.submit(refine_each, target, tasks, limits)] = places
        try:
            for future in as_completed(pending):
                done |= zip(pending[future], future.result(), strict=True)
                if progress:
                    progress(len(done), len(ordered))
        except KeyboardInterrupt:
            for future in pending:
                future.cancel()
            log.warning("interrupted after %d of %d shapes", len(done), len(ordered))
            if not done:
                raise
    return dict(sorted(done.items())), len(done) == len(ordered)


@contextmanager
def _workers(cluster: str | None) -> Iterator[Executor]:
    """Threads of this machine, or the executor of a running dask cluster."""
    if cluster is None:
        # One thread each: the matrices are small, and nested threads would fight for the cores.
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
            yield pool
        return
    from dask.distributed import Client

    with Client(cluster) as client, client.get_executor() as pool:
        yield pool
