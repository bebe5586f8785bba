"""One record that holds a corpus: structures, padded and masked, their PDFs, and how they are split."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Particles with their simulated PDFs, one entry a row; every array has the entries first.

    Args:
        name: deepstruc, mlg or stacking.
        settings: Conditions of the PDFs.
        recipes: The particles; each entry is one of them at some bond length.
        shape_of_recipe: Number of each recipe's shape: homometric recipes share one.
        family_of_recipe: What the corpus calls each recipe's family.
        recipe_ids: Index of each entry's recipe.
        bond_lengths: Of each entry, Å.
        elements: Chemical symbol of each entry; X where none is meant.
        positions: Å, centred on their mean, zero beyond an entry's last atom.
        n_atoms: Number of atoms of each entry.
        pdfs: G(r) of each entry, Å⁻², on `r`.
        splits: For each split the part of every entry, an index into PARTS.
    """

    name: str
    settings: PDFSettings
    recipes: tuple[Recipe, ...]
    shape_of_recipe: Int[ndarray, " recipes"]
    family_of_recipe: tuple[str, ...]
    recipe_ids: Int[ndarray, " entries"]
    bond_lengths: Float[ndarray, " entries"]
    elements: ndarray
    positions: Float[ndarray, "entries atoms 3"]
    n_atoms: Int[ndarray, " entries"]
    pdfs: Float[ndarray, "entries r"]
    splits: dict[str, Int[ndarray, " entries"]]

    def __len__(self) -> int:
        return len(self.recipe_ids)

    @property
    def r(self) -> Float[ndarray, " r"]:
        """Grid of the PDFs in Å."""
        return self.settings.r

    @property
    def mask(self) -> Bool[ndarray, "entries atoms"]:
        """True where a row of `positions` is an atom."""
        return np.arange(self.positions.shape[1]) < self.n_atoms[:, None]

    @property
    def shape_ids(self) -> Int[ndarray, " entries"]:
        """Number of each entry's shape, a sorted distance list up to scale."""
        return self.shape_of_recipe[self.recipe_ids]

    @property
    def families(self) -> ndarray:
        """Family of each entry."""
        return np.array(self.family_of_recipe)[self.recipe_ids]

    @property
    def structure_ids(self) -> Int[ndarray, " entries"]:
        """Number of each entry's structure, a sorted distance list: the same shape at the same bond length."""
        keys = np.stack([self.shape_ids.astype(float), self.bond_lengths], axis=1)
        return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)

    def recipe(self, entry: int) -> Recipe:
        """Recipe of one entry."""
        return self.recipes[self.recipe_ids[entry]]

    def where(self, split: str, part: str) -> Bool[ndarray, " entries"]:
        """True for the entries in one part (train, validation, test) of a split (random, shape).

        Raises:
            ValueError: For an unknown split or part.
        """
        if split not in self.splits:
            raise ValueError(f"split {split!r} of corpus {self.name}: needs one of {', '.join(self.splits)}")
        if part not in PARTS:
            raise ValueError(f"part {part!r}: needs one of {', '.join(PARTS)}")
        return self.splits[split] == PARTS.index(part)

    def subset(self, entries: ndarray) -> "Corpus":
        """The corpus with only some entries: a mask such as `where` gives, or indices in the order wanted."""
        per_entry = ("recipe_ids", "bond_lengths", "elements", "positions", "n_atoms", "pdfs")
        kept = {name: getattr(self, name)[entries] for name in per_entry}
        return replace(self, **kept, splits={name: parts[entries] for name, parts in self.splits.items()})

    def part(self, split: str, part: str) -> "Corpus":
        """The entries in one part of a split."""
        return self.subset(self.where(split, part))

    def leakage(self, split: str) -> float:
        """Share of the test entries whose shape is in training, at whatever scale."""
        test, train = self.where(split, "test"), self.where(split, "train")
        return float(np.isin(self.shape_ids[test], self.shape_ids[train]).mean())

    def summary(self) -> dict[str, Any]:
        """Counts of entries, distinct structures, shapes, entries by family; leakage by split."""
        names, counts = np.unique(self.families, return_counts=True)
        by_family = dict(zip(names.tolist(), counts.tolist(), strict=True))
        return {
            "name": self.name,
            "entries": len(self),
            "structures": len(np.unique(self.structure_ids)),
            "shapes": len(np.unique(self.shape_ids)),
            "families": {family: by_family[family] for family in dict.fromkeys(self.family_of_recipe)},
            "leakage": {split: self.leakage(split) for split in self.splits},
        }
