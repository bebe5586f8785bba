"""The metal of a particle: which element it is, and the bond length that its structures are proposed with."""

import logging
import re

from ase.data import atomic_numbers, covalent_radii

from deepstruc_lib.corpora.elements import METALLIC_RADII, bond_length
from deepstruc_lib.files import PDF

log = logging.getLogger(__name__)

# What a composition may hold besides the metal of the core: ligands, supports, solvents.
_NON_METALS = frozenset(["H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar"]) | frozenset(
    ["Ge", "As", "Se", "Br", "Kr", "Te", "I", "Xe", "At", "Rn"]
)


def the_metal(pdf: PDF, element: str | None = None) -> str:
    """The element asked for, in any case, or the only metal of the composition.

    Raises:
        ValueError: It is no element; or there are several metals, or none, to choose from.
    """
    found = dict.fromkeys(re.findall(r"[A-Z][a-z]?", pdf.composition or ""))
    if element is not None:
        symbol = element.capitalize()
        if symbol not in atomic_numbers or symbol == "X":
            raise ValueError(f"element {element!r}: needs a chemical symbol such as Au")
        if symbol in _NON_METALS:
            raise ValueError(f"element {element!r}: needs a metal")
        if found and symbol not in found:
            log.warning("the composition %s does not name %s", pdf.composition, symbol)
        return symbol
    metals = [symbol for symbol in found if symbol not in _NON_METALS]
    if len(metals) != 1:
        known = f"composition {pdf.composition!r} names {len(metals)} metals" if found else "no composition is given"
        raise ValueError(f"{known}: needs the element of the particle (--element)")
    log.info("taking %s, the only metal of %s", metals[0], pdf.composition)
    return metals[0]


def reference_bond(element: str) -> float:
    """Bond length that a library's shape is proposed with, Å: twice the metallic (else the covalent) radius."""
    if element in METALLIC_RADII:
        return bond_length(METALLIC_RADII[element])
    return 2 * float(covalent_radii[atomic_numbers[element]])
