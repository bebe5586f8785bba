"""One road to a solution: structures are proposed, refined, named, freed of duplicates and ranked."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from ase import Atoms
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.files import PDF
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, Fit
from deepstruc_lib.solving.index import Index, Structure
from deepstruc_lib.solving.library import fit_limits, index_of
from deepstruc_lib.solving.metal import reference_bond, the_metal
from deepstruc_lib.solving.methods import chosen_method
from deepstruc_lib.solving.pairs import mean_nearest_neighbour
from deepstruc_lib.solving.refine import index_of_one_unit
from deepstruc_lib.solving.search import Limits, search
from deepstruc_lib.solving.solution import Solution, Solutions
from deepstruc_lib.solving.target import FitTarget

log = logging.getLogger(__name__)

# Two structures of a model are one up to this root mean square difference of their sorted distances, relative to the
# distances' own. Errors of 0.05 Å in the coordinates of 43 to 93 atoms make less.
SAME_STRUCTURE = 0.02

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Proposed:
    """Structures that one method proposes for a PDF.

    Args:
        index: Of the structures.
        nearest: The index' unit of length in each structure as it is proposed, Å: its shortest distance, or less.
        matched: Lowest and highest length of that unit that the coarse search tries, Å.
        limits: Of the refined parameters; the stretch is the length of that unit, Å.
        source: Comes before the name of each.
        same: Structures that differ less are one (see `without_duplicates`); an index holds each shape once.
    """

    index: Index
    nearest: Float[ndarray, " structures"]
    matched: tuple[float, float]
    limits: Limits
    source: str = ""
    same: float = 0.0


def solve(
    pdf: PDF,
    *,
    element: str | None = None,
    method: str = "auto",
    library: str | Index = "deepstruc",
    top: int = 5,
    samples: int = 20,
    seed: int = 0,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    everything: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Solutions:
    """Candidate structures for a measured PDF of a one-metal nanoparticle, best first.

    An interrupted run (Ctrl-C) returns the best structures so far.

    Args:
        pdf: Measured G(r) with its Q range.
        element: Symbol of the metal; by default the only metal of the PDF's composition.
        method: One of `methods()`: "library", a released model, "auto"; or the folder of a trained model.
        library: "deepstruc" (197 shapes to 200 atoms), "extended" (over a thousand, to 1500 atoms), or an index.
        top: How many solutions.
        samples: How many structures a model draws besides its likeliest, if it can draw.
        seed: Of these samples.
        r_range: First and last r of the fit, Å.
        qdamp: Overrides the file's, Å⁻¹.
        everything: Refine every structure, also those that cannot be among the best.
        cluster: Address of a running dask scheduler; this machine where None.
        progress: Called with the number of structures done, and of all.

    Raises:
        ValueError: The element is unknown, no metal, or not given by the composition; an option is not known; or the
            model proposes no structure.
    """
    method = chosen_method(method)
    if top < 1:
        raise ValueError(f"top {top}: needs 1 or more")
    metal = the_metal(pdf, element)
    pdf.check_plausible()
    target = FitTarget(pdf, r_range, qdamp)
    if method == "library":
        proposed = from_library(pdf, library, metal, progress)
    else:
        proposed = from_model(pdf, method, samples, seed)
    found = search(
        target,
        proposed.index,
        proposed.matched,
        proposed.limits,
        # Which structures of a model are one shows after the refinement only.
        places=len(proposed.index) if proposed.same else top,
        everything=everything,
        cluster=cluster,
        progress=progress,
    )
    named = (_solution(proposed, row, fit, metal) for row, fit in found.fits)
    best = islice(without_duplicates(named, proposed.same) if proposed.same else named, top)
    return Solutions([replace(one, rank=rank) for rank, one in enumerate(best, 1)], complete=found.complete)


def from_library(pdf: PDF, library: str | Index, metal: str, progress: Progress | None = None) -> Proposed:
    """Every structure of a library: a named one's shapes at the metal's usual bond, an index's own as they are."""
    index = index_of(library, progress)
    nearest = index.nearest if isinstance(library, Index) else np.full(len(index), reference_bond(metal))
    return Proposed(index, nearest, *fit_limits(pdf), source="library:")


def from_model(pdf: PDF, model: str, samples: int, seed: int) -> Proposed:
    """What a model proposes; the log tells how the PDF differs from those of its training.

    Raises:
        ValueError: It proposes nothing.
    """
    from deepstruc_lib.models import load_model

    proposer = load_model(model)
    (answer,) = proposer.propose([pdf], samples=samples, seed=seed)
    for difference in answer.unlike:
        log.warning("%s: %s", proposer.name, difference)
    if not answer.proposals:
        raise ValueError(
            f"{proposer.name} proposes no particle for this PDF: needs a PDF more like those of its training"
        )
    index = index_of_one_unit([Structure(one.source, one.positions) for one in answer.proposals])
    low, high = (float(index.nearest[0]) * factor for factor in DEFAULT_BOUNDS["stretch"])
    return Proposed(index, index.nearest, (low, high), {**DEFAULT_BOUNDS, "stretch": (low, high)}, same=SAME_STRUCTURE)


def without_duplicates(solutions: Iterable[Solution], tolerance: float) -> Iterator[Solution]:
    """The first of structures that are one: of one number of atoms, and alike in their distances up to scale.

    Args:
        solutions: The best of duplicates first.
        tolerance: Root mean square difference of sorted distances, relative to the distances' own.
    """
    kept: list[Solution] = []
    for solution in solutions:
        if all(_difference(solution, other) > tolerance for other in kept):
            kept.append(solution)
            yield solution


def _difference(one: Solution, other: Solution) -> float:
    from deepstruc_lib.solving.naming import shape_difference

    return shape_difference(one.atoms.positions, other.atoms.positions)


def _solution(proposed: Proposed, row: int, fit: Fit, element: str) -> Solution:
    """A refined structure under its name; the fit's stretch, until here a length, is made relative."""
    shape, nearest = proposed.index.shape(row), float(proposed.nearest[row])
    positions = shape.positions(fit.stretch)
    family, motif = shape.family, shape.motif
    if motif is None:
        from deepstruc_lib.solving.naming import name_structure

        name = name_structure(positions)
        family, motif = name.family, name.motif
    errors = dict(fit.errors)
    if errors["stretch"] is not None:
        errors["stretch"] /= nearest
    fit = replace(fit, stretch=fit.stretch / nearest, errors=errors)
    return Solution(
        rank=0,
        family=family,
        motif=motif,
        stretch=fit.stretch,
        bond_length=mean_nearest_neighbour(positions),
        source=f"{proposed.source}{shape.name}",
        atoms=Atoms(f"{element}{len(positions)}", positions=positions),
        fit=fit,
    )
