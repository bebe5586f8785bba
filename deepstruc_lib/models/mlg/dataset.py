"""What a network of the MLG paper reads and writes: particles in the unit sphere, ready in memory."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.geometry.unit_sphere import distance_rows, satellites, to_unit_sphere
from deepstruc_lib.models.conditions import varied_pdfs


class Particles(NamedTuple):
    """A batch of particles with their PDFs; rows beyond a particle's last atom are dummies.

    Args:
        pdf: G(r), Å⁻².
        own_pdf: G(r) under the corpus' own conditions, where `pdf` may be of others.
        rows: Distances in units of the radius: of each atom to all atoms, then to the satellites; zero for dummies.
        present: 1 for an atom, 0 for a dummy.
        log_radius: Natural logarithm of the radius in Å.
    """

    pdf: Float[Tensor, "batch r"]
    own_pdf: Float[Tensor, "batch r"]
    rows: Float[Tensor, "batch atoms features"]
    present: Float[Tensor, "batch atoms"]
    log_radius: Float[Tensor, " batch"]


class ParticleDataset:
    """The particles of a corpus in memory; the few shapes are held once, and looked up for a batch.

    Args:
        corpus: Entries, whose recipes are the shapes.
        n_satellites: Number of satellites.
        n_rows: Rows for atoms, at least as many as the largest particle has.
        varied: How often each entry comes again with a PDF under other conditions.
        seed: Of these conditions.
    """

    def __init__(self, corpus: Corpus, n_satellites: int, n_rows: int, varied: int = 0, seed: int = 0) -> None:
        used, recipe_ids = np.unique(corpus.recipe_ids, return_inverse=True)
        spheres = [to_unit_sphere(corpus.recipes[recipe].positions(1.0)) for recipe in used]
        points = satellites(n_satellites)
        rows = np.stack([distance_rows(sphere.positions, points, n_rows) for sphere in spheres])
        sizes = torch.tensor([len(sphere.positions) for sphere in spheres])
        radii = np.array([sphere.radius for sphere in spheres])[recipe_ids] * corpus.bond_lengths
        self.count = len(corpus)
        pdfs = np.concatenate([corpus.pdfs[None], varied_pdfs(corpus, varied, seed)])
        self.pdf = torch.from_numpy(pdfs).flatten(0, 1)
        self.recipe_ids = torch.from_numpy(recipe_ids)
        self.rows = torch.from_numpy(rows).float()
        self.present = (torch.arange(n_rows) < sizes[:, None]).float()
        self.log_radius = torch.from_numpy(np.log(radii)).float()

    def __len__(self) -> int:
        return len(self.pdf)

    def to(self, device: torch.device) -> "ParticleDataset":
        """Move everything to a device."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self

    def batch(self, entries: Tensor) -> Particles:
        """The particles at these indices."""
        own = entries % self.count
        recipes, pdfs = self.recipe_ids[own], (self.pdf[entries], self.pdf[own])
        return Particles(*pdfs, self.rows[recipes], self.present[recipes], self.log_radius[own])
