"""The corpus' PDFs under other conditions than its own: what lets a network read PDFs from elsewhere."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.corpora.build import Entries, entry_pdfs
from deepstruc_lib.files import PDF
from deepstruc_lib.scattering import PDFSettings

# Ranges of the conditions: those of synchrotron PDFs of metal particles, and of the presets.
RANGES = {"qmin": (0.0, 1.4), "qmax": (20.0, 30.0), "qdamp": (0.0, 0.06), "biso": (0.2, 1.6), "delta2": (0.0, 4.0)}
# Different conditions drawn for each copy of the entries; with 16 a network overfits to these.
_DRAWS = 64


def own_pdfs(part: Corpus) -> list[PDF]:
    """The entries' PDFs under the corpus' own conditions, as a measurement would come."""
    known = part.settings
    return [PDF(r=part.r, g=g, qmin=known.qmin, qmax=known.qmax, qdamp=known.qdamp) for g in part.pdfs]


def varied_pdfs(corpus: Corpus, copies: int, seed: int = 0) -> Float[ndarray, "copies entries r"]:
    """G(r) of every entry on the corpus' grid, each time under conditions drawn at random; float32."""
    generator = np.random.default_rng(seed)
    pdfs = np.empty((copies, *corpus.pdfs.shape), dtype=np.float32)
    for copy in range(copies):
        drawn = generator.integers(_DRAWS, size=len(corpus))
        for number in range(_DRAWS):
            chosen = {name: float(generator.uniform(*limits)) for name, limits in RANGES.items()}
            mine = np.flatnonzero(drawn == number)
            pdfs[copy, mine] = _simulated(corpus.subset(mine), replace(corpus.settings, **chosen))
    return pdfs


def _simulated(part: Corpus, settings: PDFSettings) -> Float[ndarray, "entries r"]:
    used, ids = np.unique(part.recipe_ids, return_inverse=True)
    recipes = tuple(part.recipes[recipe] for recipe in used)
    families = tuple(part.family_of_recipe[recipe] for recipe in used)
    return entry_pdfs(Entries(recipes, families, ids, part.bond_lengths, part.elements.tolist()), settings)
