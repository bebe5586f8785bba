"""A candidate structure with its evidence, and the ranked list of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepstruc_lib.solving.fit import Fit

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True, eq=False)
class Solution:
    """A candidate structure with its evidence.

    Args:
        rank: 1 is the lowest Rw.
        family: SC, FCC, BCC, HCP, Icosahedron, Decahedron, Octahedron, or one of the extended library; None where the
            structure has none of these shapes.
        motif: fcc, hcp, bcc, sc, icosahedral, decahedral, twinned or faulted; None where its atoms are in no order.
        stretch: Of the distances, relative to the proposed structure.
        bond_length: Mean nearest-neighbour distance of the fitted structure, Å.
        source: Who proposed it.
        atoms: The fitted structure.
        fit: Parameters, uncertainties, Rw and curves.
        file: Where it was written, if it was.
    """

    rank: int
    family: str | None
    motif: str | None
    stretch: float
    bond_length: float
    source: str
    atoms: "Atoms"
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
