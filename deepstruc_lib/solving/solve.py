"""The three lines of a user: a PDF in, ranked candidate structures out."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from deepstruc_lib.corpora import METALLIC_RADII, bond_length
from deepstruc_lib.files import PDF
from deepstruc_lib.solving.fit import Fit
from deepstruc_lib.solving.library import Candidate, Shape, library_fit, shapes
from deepstruc_lib.solving.pairs import mean_nearest_neighbour

if TYPE_CHECKING:
    from deepstruc_lib.solving.propose import Proposal

log = logging.getLogger(__name__)

# Networks are loaded, and torch with them, when one is asked.
NETWORKS = ("mlg-cvae",)
METHODS = ("auto", "library", *NETWORKS)
# Family and motif of a network's structure that is none of the library's.
UNKNOWN_SHAPE = ("Generated", "unclassified")
# What a composition may hold besides the metal of the core: ligands, supports, solvents.
_NON_METALS = frozenset(["H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar"]) | frozenset(
    ["Ge", "As", "Se", "Br", "Kr", "Te", "I", "Xe", "At", "Rn"]
)


@dataclass(frozen=True, eq=False)
class Solution:
    """A candidate structure with its evidence.

    Args:
        rank: 1 is the lowest Rw.
        family: SC, FCC, BCC, HCP, Icosahedron, Decahedron, Octahedron, or one of the extended library; Generated for
            a network's structure that has none of these shapes.
        motif: fcc, hcp, bcc, sc, icosahedral, decahedral, twinned or faulted; unclassified for the same.
        stretch: Of the distances, relative to the proposed structure.
        bond_length: Mean nearest-neighbour distance of the fitted structure, Å.
        source: Who proposed it.
        atoms: The fitted structure.
        fit: Parameters, uncertainties, Rw and curves.
        file: Where it was written, if it was.
    """

    rank: int
    family: str
    motif: str
    stretch: float
    bond_length: float
    source: str
    atoms: Atoms
    fit: Fit
    file: str | None = None

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    @property
    def rw(self) -> float:
        """Rw of the fit."""
        return self.fit.rw

    def as_dict(self) -> dict:
        """One row of the table of solutions, for JSON."""
        fit = self.fit
        return {
            "rank": self.rank,
            "family": self.family,
            "motif": self.motif,
            "n_atoms": self.n_atoms,
            "rw": fit.rw,
            "stretch": self.stretch,
            "bond_length": self.bond_length,
            "scale": fit.scale,
            "biso": fit.biso,
            "delta2": fit.delta2,
            "source": self.source,
            "file": self.file,
        }


class Solutions(list[Solution]):
    """Solutions, best first, and whether the search was `complete` or was interrupted before all were tried."""

    def __init__(self, solutions: Sequence[Solution], *, complete: bool) -> None:
        super().__init__(solutions)
        self.complete = complete


def solve(
    pdf: PDF,
    *,
    element: str | None = None,
    method: str = "auto",
    library: str = "deepstruc",
    top: int = 5,
    samples: int = 20,
    seed: int = 0,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Solutions:
    """Candidate structures for a measured PDF of a one-metal nanoparticle, best first.

    Args:
        pdf: Measured G(r) with its Q range.
        element: Symbol of the metal; by default the only metal of the PDF's composition.
        method: "library" fits every shape of a library; "mlg-cvae" refines what this network proposes; "auto" is the
            best method there is for this PDF, the library.
        library: "deepstruc" (197 shapes to 200 atoms) or "extended" (over a thousand, to 1500 atoms). A network's
            structures are named after it.
        top: How many solutions.
        samples: How often a network is asked besides at the mean of its prior.
        seed: Of these samples.
        r_range: First and last r of the fit, Å.
        qdamp: Overrides the file's, Å⁻¹.
        cluster: Address of a running dask scheduler, for the library; this machine where None.
        progress: Called with the number of structures done, and of all.

    Raises:
        ValueError: The element is unknown, no metal, or not given by the composition; an option is not known; or the
            network's weights are not there.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}: needs one of {', '.join(METHODS)}")
    if top < 1:
        raise ValueError(f"top {top}: needs 1 or more")
    if cluster is not None and method in NETWORKS:
        raise ValueError(f"cluster {cluster} and method {method}: a cluster needs method library")
    metal = the_metal(pdf, element)
    pdf.check_plausible()
    if method in NETWORKS:
        from deepstruc_lib.models import load_model
        from deepstruc_lib.solving.propose import network_fit

        asked = {"samples": samples, "seed": seed, "r_range": r_range, "qdamp": qdamp, "progress": progress}
        found = network_fit(pdf, load_model(method), **asked)
        known = shapes(library)
        best = [_generated(rank, *pair, metal, known) for rank, pair in enumerate(found.fitted[:top], 1)]
        return Solutions(best, complete=found.complete)
    fitted = library_fit(pdf, library, r_range=r_range, qdamp=qdamp, cluster=cluster, progress=progress)
    return Solutions(ranked(fitted.candidates[:top], metal), complete=fitted.complete)


def the_metal(pdf: PDF, element: str | None = None) -> str:
    """The element asked for, or the only metal of the composition.

    Raises:
        ValueError: It is no element; or there are several metals, or none, to choose from.
    """
    found = dict.fromkeys(re.findall(r"[A-Z][a-z]?", pdf.composition or ""))
    if element is not None:
        if element not in atomic_numbers or element == "X":
            raise ValueError(f"element {element!r}: needs a chemical symbol such as Au")
        if element in _NON_METALS:
            raise ValueError(f"element {element!r}: needs a metal")
        if found and element not in found:
            log.warning("the composition %s does not name %s", pdf.composition, element)
        return element
    metals = [symbol for symbol in found if symbol not in _NON_METALS]
    if len(metals) != 1:
        known = f"composition {pdf.composition!r} names {len(metals)} metals" if found else "no composition is given"
        raise ValueError(f"{known}: needs the element of the particle (--element)")
    log.info("taking %s, the only metal of %s", metals[0], pdf.composition)
    return metals[0]


def reference_bond(element: str) -> float:
    """Bond length that a proposed structure starts from, Å: twice the metallic (else the covalent) radius."""
    if element in METALLIC_RADII:
        return bond_length(METALLIC_RADII[element])
    return 2 * float(covalent_radii[atomic_numbers[element]])


def ranked(candidates: Sequence[Candidate], element: str) -> list[Solution]:
    """Solutions from fitted shapes of a library, in their order."""
    reference = reference_bond(element)
    return [_solution(rank, candidate, element, reference) for rank, candidate in enumerate(candidates, 1)]


def _solution(rank: int, candidate: Candidate, element: str, reference: float) -> Solution:
    shape, atoms = candidate.shape, candidate.atoms(element)
    # The fit stretched a shape whose shortest distance was 1; the particle proposed had it at the reference bond.
    errors = dict(candidate.fit.errors)
    if errors["stretch"] is not None:
        errors["stretch"] /= reference
    fit = replace(candidate.fit, stretch=candidate.fit.stretch / reference, errors=errors)
    return Solution(
        rank=rank,
        family=shape.family or "unknown",
        motif=shape.motif or "unclassified",
        stretch=fit.stretch,
        bond_length=mean_nearest_neighbour(atoms.positions),
        source=f"library:{shape.name}",
        atoms=atoms,
        fit=fit,
    )


def _generated(rank: int, proposal: "Proposal", fitted: Fit, element: str, library: Sequence[Shape]) -> Solution:
    from deepstruc_lib.solving.propose import known_shape

    positions = proposal.positions * fitted.stretch
    shape = known_shape(positions, library)
    family, motif = (shape.family or "", shape.motif or "") if shape else UNKNOWN_SHAPE
    return Solution(
        rank=rank,
        family=family,
        motif=motif,
        stretch=fitted.stretch,
        bond_length=mean_nearest_neighbour(positions),
        source=proposal.source,
        atoms=Atoms(f"{element}{len(positions)}", positions=positions),
        fit=fitted,
    )
