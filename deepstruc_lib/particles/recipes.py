"""A recipe: the small frozen record from which a particle can be built again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.particles import clusters, reference, stacking


class Family(NamedTuple):
    """How the particles of a family are built, and which motif (or rule for it) they show."""

    builder: Callable[..., ndarray]
    motif: str | Callable[..., str]


def _sphere_motif(lattice: str, *_: object) -> str:
    return {"twin": "twinned", "fault": "faulted"}.get(lattice, lattice)


def _patch_motif(word: str, *_: object) -> str:
    return stacking.stacking_motif(word)


def twinned_sphere(centre: str, atoms: int) -> Float[ndarray, "atoms 3"]:
    """Sphere of fcc with one twin plane, which is the layer of the centre's atom."""
    return stacking.sphere("twin", centre, atoms)


def faulted_sphere(centre: str, atoms: int) -> Float[ndarray, "atoms 3"]:
    """Sphere of fcc with one intrinsic stacking fault below the layer of the centre's atom."""
    return stacking.sphere("fault", centre, atoms)


FAMILIES = {
    "SC": Family(clusters.simple_cubic, "sc"),
    "FCC": Family(clusters.face_centred_cubic, "fcc"),
    "BCC": Family(clusters.body_centred_cubic, "bcc"),
    "HCP": Family(clusters.hexagonal_close_packed, "hcp"),
    "Icosahedron": Family(clusters.icosahedron, "icosahedral"),
    "Decahedron": Family(clusters.decahedron, "decahedral"),
    "TruncatedDecahedron": Family(clusters.truncated_decahedron, "decahedral"),
    "Octahedron": Family(clusters.octahedron, "fcc"),
    "TruncatedOctahedron": Family(clusters.truncated_octahedron, "fcc"),
    "Sphere": Family(stacking.sphere, _sphere_motif),
    "TwinnedSphere": Family(twinned_sphere, "twinned"),
    "FaultedSphere": Family(faulted_sphere, "faulted"),
    "StackedPatch": Family(stacking.stacked_patch, _patch_motif),
    "MackayCore": Family(reference.mackay_core, "icosahedral"),
}


@dataclass(frozen=True)
class Recipe:
    """A particle by family and parameters; equal recipes build equal particles.

    Positions scale with the bond length d alone. It is the nearest-neighbour distance, with three exceptions: in BCC,
    as in the DeepStruc corpus, d is the lattice constant and neighbours sit at 0.866 d; in an Icosahedron bonds
    within a shell are 1.0515 d; a MackayCore has its mean nearest-neighbour distance at d.

    Args:
        family: One of `FAMILIES`.
        parameters: The builder's arguments, in its order: whole numbers or short texts.

    Raises:
        ValueError: For an unknown family or a wrong number of parameters.

    Example:
        >>> recipe = Recipe("Decahedron", (3, 2, 0))
        >>> recipe.n_atoms, recipe.motif
        (39, 'decahedral')
        >>> recipe.build("Au", 2.88).info
        {'recipe': 'Decahedron(3,2,0)'}
        >>> Recipe.from_name("Decahedron(3,2,0)") == recipe
        True
    """

    family: str
    parameters: tuple[int | str, ...]

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family {self.family!r}: needs one of {', '.join(FAMILIES)}")
        try:
            signature(FAMILIES[self.family].builder).bind(*self.parameters)
        except TypeError:
            wanted = ", ".join(signature(FAMILIES[self.family].builder).parameters)
            raise ValueError(f"{self.family}{self.parameters}: needs the parameters ({wanted})") from None

    @property
    def name(self) -> str:
        """Short text such as Decahedron(5,1,0), unique among recipes."""
        return f"{self.family}({','.join(map(str, self.parameters))})"

    @property
    def motif(self) -> str:
        """How the atoms are packed: fcc, hcp, bcc, sc, icosahedral, decahedral, twinned or faulted."""
        motif = FAMILIES[self.family].motif
        return motif if isinstance(motif, str) else motif(*self.parameters)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(unit_positions(self))

    def positions(self, bond_length: float) -> Float[ndarray, "atoms 3"]:
        """Positions in Å for a bond length in Å, centred on their mean."""
        if not (np.isfinite(bond_length) and bond_length > 0):
            raise ValueError(f"bond length {bond_length}: needs a positive number of Å")
        return bond_length * unit_positions(self)

    def build(self, symbol: str, bond_length: float) -> Atoms:
        """The particle as `ase.Atoms` of one element, with the recipe's name under `info["recipe"]`."""
        atoms = Atoms(f"{symbol}{self.n_atoms}", positions=self.positions(bond_length))
        atoms.info["recipe"] = self.name
        return atoms

    def to_json(self) -> dict[str, Any]:
        """Plain record that `from_json` reads."""
        return {"family": self.family, "parameters": list(self.parameters)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Recipe":
        """The recipe of a record written by `to_json`."""
        return cls(record["family"], tuple(record["parameters"]))

    @classmethod
    def from_name(cls, name: str) -> "Recipe":
        """The recipe whose `.name` this is.

        Raises:
            ValueError: When the text is not such a name.
        """
        family, bracket, rest = name.partition("(")
        if not bracket or not rest.endswith(")"):
            raise ValueError(f"recipe name {name!r}: needs Family(parameters), such as Decahedron(5,1,0)")
        words = rest[:-1].split(",")
        return cls(family, tuple(int(word) if word.isdecimal() else word for word in words))

    def __str__(self) -> str:
        return self.name


@lru_cache(maxsize=4096)
def unit_positions(recipe: Recipe) -> Float[ndarray, "atoms 3"]:
    """Positions at bond length 1, centred on their mean; read-only, because they are kept."""
    built = FAMILIES[recipe.family].builder(*recipe.parameters)
    centred = np.ascontiguousarray(built - built.mean(axis=0), dtype=np.float64)
    centred.flags.writeable = False
    return centred
