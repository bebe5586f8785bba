"""Splits groups of entries into training, validation and test, the same way on every machine and version."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from deepstruc_lib.corpora.record import PARTS

# Shares of training, validation and test in the DeepStruc paper (doi:10.1039/D2DD00086E).
SHARES = (0.6, 0.2, 0.2)
SEED = 37


def shuffled(keys: Sequence[str], seed: int = SEED) -> list[int]:
    """Indices of the keys in the order of their hashes: random, and independent of any generator's version."""
    return sorted(range(len(keys)), key=lambda i: blake2b(f"{seed}:{keys[i]}".encode()).digest())


def apportion(total: int, shares: Sequence[float] = SHARES) -> list[int]:
    """Whole numbers in the proportion of the shares (largest remainders).

    No part is empty when there are three or more items.
    """
    wanted = total * np.asarray(shares) / sum(shares)
    counts = np.floor(wanted).astype(int)
    # Ties go to the test set: it needs the variety most.
    by_remainder = sorted(range(len(counts)), key=lambda i: (wanted[i] - counts[i], i), reverse=True)
    counts[by_remainder[: total - counts.sum()]] += 1
    while total >= len(counts) and counts.min() == 0:
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return counts.tolist()


def split_keys(keys: Sequence[str], sizes: Sequence[int], seed: int = SEED) -> Int[ndarray, " keys"]:
    """Part of each key, drawn at random so that the parts have the given sizes.

    Raises:
        ValueError: When the sizes do not add up, or a key comes twice.
    """
    if sum(sizes) != len(keys) or len(set(keys)) != len(keys):
        raise ValueError(f"{len(set(keys))} different keys of {len(keys)} for parts of {list(sizes)}: needs one each")
    parts = np.empty(len(keys), dtype=np.int8)
    parts[shuffled(keys, seed)] = np.repeat(np.arange(len(PARTS), dtype=np.int8), sizes)
    return parts


def split_by_shape(
    shape_of_recipe: Int[ndarray, " recipes"], family_of_recipe: Sequence[str], names: Sequence[str], seed: int = SEED
) -> Int[ndarray, " recipes"]:
    """Part of each recipe such that a shape lies in one part only, and each family is in all parts.

    A shape goes by its first recipe's name and family.
    """
    _, first, inverse = np.unique(shape_of_recipe, return_index=True, return_inverse=True)
    families = np.array(family_of_recipe)[first]
    part_of_shape = np.empty(len(first), dtype=np.int8)
    for family in dict.fromkeys(family_of_recipe):
        members = np.flatnonzero(families == family)
        keys = [names[int(first[shape])] for shape in members]
        part_of_shape[members] = split_keys(keys, apportion(len(members)), seed)
    return part_of_shape[inverse.reshape(-1)]
