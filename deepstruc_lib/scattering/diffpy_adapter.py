"""The real diffpy.srreal, where it is installed (conda-forge; pip has no wheels)."""

import numpy as np
from ase import Atoms
from jaxtyping import Float

from deepstruc_lib.scattering.settings import PDFSettings


def diffpy_pdf(
    atoms: Atoms, settings: PDFSettings, uiso: Float[np.ndarray, " atoms"] | None = None
) -> Float[np.ndarray, " r"]:
    """G(r) by diffpy.srreal's DebyePDFCalculator, in Å⁻² (doi:10.1107/S2053273315014473).

    Args:
        atoms: A finite particle.
        settings: Q range, grid, damping, B and correlated motion.
        uiso: Mean-square displacement of each atom, Å²; the settings' where None.

    Raises:
        ImportError: diffpy.srreal is not installed.
    """
    try:
        from diffpy.srreal.pdfcalculator import DebyePDFCalculator  # pyright: ignore[reportMissingImports]
        from diffpy.structure import Atom, Lattice, Structure  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("diffpy.srreal is not installed: `conda install -c conda-forge diffpy.srreal`") from error
    each = np.full(len(atoms), settings.uiso) if uiso is None else uiso
    # In the unit cell of 1 Å fractional and Cartesian coordinates agree, and diffpy takes the particle as finite.
    sites = zip(atoms.get_chemical_symbols(), atoms.positions, each, strict=True)
    structure = Structure(
        [Atom(symbol, position, Uisoequiv=float(u)) for symbol, position, u in sites],
        lattice=Lattice(1, 1, 1, 90, 90, 90),
    )
    names = ("qmin", "qmax", "qdamp", "qbroad", "rmin", "rmax", "rstep", "delta1", "delta2")
    calculator = DebyePDFCalculator(**{name: getattr(settings, name) for name in names})
    _, g = calculator(structure)
    return np.asarray(g)
