"""Structures, PDFs and splits of the two papers' data sets, rebuilt in seconds and cached."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.corpora.catalogue import CORPORA, corpus
    from deepstruc_lib.corpora.elements import DISTINCT_RADII, METALLIC_RADII, bond_length, elements_of
    from deepstruc_lib.corpora.leakage import NearestCopies, nearest_copies
    from deepstruc_lib.corpora.record import PARTS, Corpus
    from deepstruc_lib.corpora.storage import corpus_hash, load_corpus, save_corpus

__all__ = [
    "CORPORA",
    "DISTINCT_RADII",
    "METALLIC_RADII",
    "PARTS",
    "Corpus",
    "NearestCopies",
    "bond_length",
    "corpus",
    "corpus_hash",
    "elements_of",
    "load_corpus",
    "nearest_copies",
    "save_corpus",
]

export_lazily(__name__)
