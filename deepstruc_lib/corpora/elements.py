"""The 28 metals of both papers' corpora and the bond lengths their radii give."""

from types import MappingProxyType

# Metallic radii for single bonds in pm: `metallic_radius` of the mendeleev package. Mo and La are not in the corpora.
METALLIC_RADII = MappingProxyType(
    {
        **{"Sc": 144, "Ti": 132, "V": 122, "Cr": 119, "Mn": 118, "Fe": 117, "Co": 116, "Ni": 115, "Cu": 118, "Zn": 121},
        **{"Y": 162, "Zr": 145, "Nb": 134, "Tc": 127, "Ru": 125, "Rh": 125, "Pd": 128, "Ag": 134, "Cd": 138},
        **{"Hf": 144, "Ta": 134, "W": 130, "Re": 128, "Os": 126, "Ir": 127, "Pt": 130, "Au": 134, "Hg": 139},
    }
)
# Elements of one radius have the same particles and PDFs.
DISTINCT_RADII = tuple(sorted(set(METALLIC_RADII.values())))


def elements_of(radius: int) -> tuple[str, ...]:
    """The elements with this metallic radius (pm), alphabetically.

    Raises:
        ValueError: When no element of the corpora has it.
    """
    symbols = tuple(sorted(symbol for symbol, value in METALLIC_RADII.items() if value == radius))
    if not symbols:
        raise ValueError(f"metallic radius {radius} pm: needs one of {DISTINCT_RADII}")
    return symbols


def bond_length(radius: float) -> float:
    """Bond length d = 2r in Å of a metallic radius in pm."""
    return radius / 100 * 2
