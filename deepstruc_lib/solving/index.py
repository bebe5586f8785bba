"""A searchable set of structures: names, positions and histograms."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.solving.histograms import Histograms, histogram
from deepstruc_lib.solving.pairs import DistanceList, merged_distances

if TYPE_CHECKING:
    from deepstruc_lib.particles import Recipe

# Structures between two calls of progress.
_REPORT_EVERY = 50

Progress = Callable[[int, int], None]


class Structure(NamedTuple):
    """One structure of an index to be built.

    Args:
        name: Such as its file's.
        positions: In Å, or any unit.
        family: Where it is known.
        motif: Where it is known.
    """

    name: str
    positions: Float[ndarray, "atoms 3"]
    family: str | None = None
    motif: str | None = None

    @classmethod
    def of_recipe(cls, recipe: "Recipe") -> "Structure":
        """A particle that has a recipe, under its name."""
        return cls(recipe.name, recipe.positions(1.0), recipe.family, recipe.motif)


@dataclass(frozen=True, eq=False)
class Shape:
    """A structure of an index, without scale.

    Args:
        name: Of its recipe or file.
        family: None where it is not known.
        motif: None where it is not known.
        unit_positions: In units of its shortest distance.
    """

    name: str
    family: str | None
    motif: str | None
    unit_positions: Float[ndarray, "atoms 3"]

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.unit_positions)

    @cached_property
    def distances(self) -> DistanceList:
        """In units of its shortest distance."""
        merged = merged_distances(self.unit_positions)
        return DistanceList(merged.distances / merged.nearest, merged.counts, merged.atoms)

    @cached_property
    def recipe(self) -> "Recipe":
        """How to build it.

        Raises:
            ValueError: It is none of the particles that have recipes.
        """
        from deepstruc_lib.particles import Recipe

        return Recipe.from_name(self.name)

    def positions(self, nearest: float) -> Float[ndarray, "atoms 3"]:
        """Positions in Å when the shortest distance is `nearest` Å."""
        return self.unit_positions * nearest


@dataclass(frozen=True, eq=False)
class Index:
    """Structures ready to be searched.

    Args:
        names: Of the structures.
        families: None where not known.
        motifs: None where not known.
        positions: Of all atoms, one structure behind the other, in units of the shortest distance of each (or in one
            unit for all, where `build_index` was given it).
        first_atom: Where each structure begins, and the end.
        nearest: That unit, in which each structure was given.
        histograms: Of its distances.
    """

    names: tuple[str, ...]
    families: tuple[str | None, ...]
    motifs: tuple[str | None, ...]
    positions: Float[ndarray, "atoms 3"]
    first_atom: Int[ndarray, " ends"]
    nearest: Float[ndarray, " structures"]
    histograms: Histograms

    def __post_init__(self) -> None:
        counts = {len(self.families), len(self.motifs), len(self.nearest), len(self.first_atom) - 1}
        counts |= {len(self.names), len(self.histograms)}
        if len(counts) > 1:
            raise ValueError(f"index with {sorted(counts)} names, structures or histograms: needs as many of each")
        if self.first_atom[-1] != len(self.positions) or self.histograms.first[-1] != len(self.histograms.values):
            raise ValueError("index whose atoms or bins are not those it names: needs all of them")

    def __len__(self) -> int:
        return len(self.names)

    def shape(self, row: int) -> Shape:
        """One structure."""
        atoms = self.positions[self.first_atom[row] : self.first_atom[row + 1]]
        return Shape(self.names[row], self.families[row], self.motifs[row], atoms.astype(float))

    def part(self, rows: Sequence[int] | Int[ndarray, " rows"]) -> "Index":
        """Some of the structures, in the order of rows."""
        atoms = [self.positions[self.first_atom[row] : self.first_atom[row + 1]] for row in rows]
        bins, first = self.histograms.values, self.histograms.first
        return Index(
            names=tuple(self.names[row] for row in rows),
            families=tuple(self.families[row] for row in rows),
            motifs=tuple(self.motifs[row] for row in rows),
            positions=np.concatenate(atoms),
            first_atom=np.cumsum([0, *map(len, atoms)]),
            nearest=self.nearest[np.asarray(rows)],
            histograms=Histograms.join([bins[first[row] : first[row + 1]] for row in rows]),
        )


def build_index(
    structures: Iterable[Structure],
    *,
    progress: Progress | None = None,
    distinct: bool = False,
    unit: float | None = None,
) -> Index:
    """Makes structures searchable; of those with one distance list up to scale only the first is kept.

    Args:
        structures: With their names. One element is assumed, so that only positions count.
        progress: Called with the number of structures done, and of all.
        distinct: Do not look for duplicates: there are none.
        unit: Take this length for all, no longer than any distance, instead of the shortest distance of each.

    Raises:
        ValueError: There is no structure; or one has fewer than two atoms, two at one place, or positions that are not
            finite.
    """
    listed = list(structures)
    if not listed:
        raise ValueError("found no structure: needs one or more to search")
    for structure in listed:
        _check(structure)
    if not distinct:
        listed = _distinct(listed)
    units, histograms = [], []
    for done, structure in enumerate(listed):
        nearest, bins = _measured(structure, unit)
        units.append(nearest)
        histograms.append(bins)
        if progress and (done % _REPORT_EVERY == 0 or done + 1 == len(listed)):
            progress(done + 1, len(listed))
    nearest = np.array(units)
    positions = [structure.positions / unit for structure, unit in zip(listed, units, strict=True)]
    return Index(
        names=tuple(structure.name for structure in listed),
        families=tuple(structure.family for structure in listed),
        motifs=tuple(structure.motif for structure in listed),
        # Single precision: 1e-6 Å in a particle of 10 Å.
        positions=np.concatenate(positions).astype(np.float32),
        first_atom=np.cumsum([0, *map(len, positions)]),
        nearest=nearest,
        histograms=Histograms.join(histograms),
    )


def _distinct(structures: Sequence[Structure]) -> list[Structure]:
    from deepstruc_lib.particles import first_of_shape

    first = first_of_shape([structure.positions for structure in structures])
    return [structure for row, structure in enumerate(structures) if first[row] == row]


def _check(structure: Structure) -> None:
    name, positions = structure.name, structure.positions
    if len(positions) < 2:
        raise ValueError(f"{name}: {len(positions)} atoms: needs two or more")
    if not np.isfinite(positions).all():
        raise ValueError(f"{name}: positions hold NaN or infinity: needs finite coordinates")
    if not np.ptp(positions, axis=0).any():
        raise ValueError(f"{name}: all atoms at the same place: needs distinct positions")


def _measured(structure: Structure, unit: float | None) -> tuple[float, ndarray]:
    """The unit, by default the shortest distance, and the histogram in it."""
    from scipy.spatial.distance import pdist

    distances = pdist(structure.positions)
    nearest = float(distances.min())
    if not nearest > 0:
        raise ValueError(f"{structure.name}: two atoms at the same place: needs distinct positions")
    unit = nearest if unit is None else unit
    return unit, histogram(distances / unit, None, len(structure.positions))
