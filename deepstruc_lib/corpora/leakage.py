"""How close a test set comes to its training set: copies of each test structure at other scales."""

from dataclasses import dataclass

import numpy as np

from deepstruc_lib.corpora.record import Corpus


@dataclass(frozen=True)
class NearestCopies:
    """Copies of the test entries in training, entry by entry; a copy has the same shape at any scale.

    Args:
        copies: Number of copies of each test entry.
        nearest: Relative difference of bond length to the nearest copy; infinite where there is none.
    """

    copies: np.ndarray
    nearest: np.ndarray

    @property
    def mean_copies(self) -> float:
        """Copies on average."""
        return float(self.copies.mean())

    @property
    def median_nearest(self) -> float:
        """Median relative distance to the nearest copy (0.01 is one percent)."""
        return float(np.median(self.nearest))

    @property
    def identical(self) -> float:
        """Share of the test entries whose very structure is in training."""
        return float((self.nearest == 0).mean())


def nearest_copies(corpus: Corpus, split: str) -> NearestCopies:
    """Look for every test entry's copies in training."""
    test, train = (np.flatnonzero(corpus.where(split, part)) for part in ("test", "train"))
    same = corpus.shape_ids[test][:, None] == corpus.shape_ids[train]
    apart = np.abs(corpus.bond_lengths[train] / corpus.bond_lengths[test][:, None] - 1)
    return NearestCopies(same.sum(axis=1), np.where(same, apart, np.inf).min(axis=1))
