"""Walks between particles: which, whether what lies between is a particle, and how sure the share of valid ones is."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from deepstruc_lib.corpora import Corpus
from deepstruc_lib.geometry.validity import Validity, coordination, validity
from deepstruc_lib.models.conditions import own_pdfs
from deepstruc_lib.models.contract import LatentProposer, straight_walks

# Walks between different shapes, and structures of each, on which models are compared.
WALKS, STEPS = 150, 11


def walk_pairs(
    part: Corpus, count: int = WALKS, seed: int = 0
) -> tuple[Int[ndarray, " walks"], Int[ndarray, " walks"]]:
    """Random pairs of entries with different shapes: where walks start, and where they end."""
    one, two = _random_pairs(part, count, seed)
    kept = np.flatnonzero(part.shape_ids[one] != part.shape_ids[two])[:count]
    return one[kept], two[kept]


def same_shape_pairs(
    part: Corpus, count: int, seed: int = 0, drawn_for: int = WALKS
) -> tuple[Int[ndarray, " walks"], Int[ndarray, " walks"]]:
    """The control: random pairs of one shape at two bond lengths, from the same draw as `walk_pairs(drawn_for)`."""
    one, two = _random_pairs(part, drawn_for, seed)
    alike = part.shape_ids[one] == part.shape_ids[two]
    kept = np.flatnonzero(alike & (part.bond_lengths[one] != part.bond_lengths[two]))[:count]
    return one[kept], two[kept]


def _random_pairs(part: Corpus, count: int, seed: int) -> Int[ndarray, "2 pairs"]:
    # Of a hundred times as many pairs enough are of either kind.
    return np.random.default_rng(seed).integers(len(part), size=(2, 100 * count))


def valid_between(model: LatentProposer, part: Corpus, count: int = WALKS) -> Bool[ndarray, "walks between"]:
    """Whether each structure between the ends of the walks through a latent model is valid.

    Args:
        model: Any latent one.
        part: Entries whose PDFs are the ends; the corpus' shapes say which numbers of neighbours there are.
        count: How many walks.
    """
    starts, ends = walk_pairs(part, count)
    allowed = coordination_range([recipe.positions(1.0) for recipe in part.recipes])
    pdfs = own_pdfs(part)
    ways = straight_walks(model, [pdfs[entry] for entry in starts], [pdfs[entry] for entry in ends], STEPS)
    return np.array([[bool(one) for one in validities(way[1:-1], allowed)] for way in ways])


def coordination_range(particles: Sequence[Float[ndarray, "_ 3"]]) -> tuple[int, int]:
    """Fewest and most neighbours of an atom in any of the particles."""
    numbers = [coordination(positions) for positions in particles]
    return int(min(n.min() for n in numbers)), int(max(n.max() for n in numbers))


@runtime_checkable
class Particles(Protocol):
    """Positions of several particles, Å: a list of arrays, or what a network generated."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


def validities(made: Particles, allowed: tuple[int, int]) -> list[Validity]:
    """Judgement of each structure; `allowed` from `coordination_range` of the training shapes."""
    return [validity(np.asarray(made[index]), allowed) for index in range(len(made))]


def share_with_interval(
    valid: Bool[ndarray, "walks steps"] | Float[ndarray, "walks steps"],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Share of valid structures, or a difference of two shares, and its interval by a bootstrap over whole walks.

    Structures of one walk resemble each other, so walks are drawn and not structures. Where all structures are valid,
    or none is, nothing differs between draws; then the interval is that of the share of walks that are so throughout,
    by the binomial distribution (Clopper and Pearson, doi:10.1093/biomet/26.4.404).
    """
    valid = np.asarray(valid)
    shares = valid.mean(axis=1)
    if valid.dtype == bool and (valid.all() or not valid.any()):
        bound = ((1 - confidence) / 2) ** (1 / len(shares))
        return (1.0, bound, 1.0) if valid.all() else (0.0, 0.0, 1 - bound)
    draws = np.random.default_rng(seed).integers(len(shares), size=(resamples, len(shares)))
    low, high = np.quantile(shares[draws].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(shares.mean()), float(low), float(high)
