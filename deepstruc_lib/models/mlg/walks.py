"""Walks through the latent space from one particle to another, and whether what lies between is a particle."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from deepstruc_lib.geometry.validity import Validity, coordination, validity
from deepstruc_lib.models.mlg.generate import Structures, checked_prior, structures
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder


def walk(
    network: ConditionalAutoencoder,
    start: Float[Tensor, " r"],
    end: Float[Tensor, " r"],
    steps: int = 11,
) -> Structures:
    """Structures on the straight line between the latent vectors of two PDFs, both ends included.

    Args:
        network: Decodes them.
        start: G(r) of particle A, Å⁻².
        end: G(r) of particle B.
        steps: How many structures.

    Raises:
        ValueError: Fewer than two steps.
    """
    return walks(network, start[None], end[None], steps)[0]


@torch.no_grad()
def walks(
    network: ConditionalAutoencoder,
    starts: Float[Tensor, "walks r"],
    ends: Float[Tensor, "walks r"],
    steps: int = 11,
) -> list[Structures]:
    """Many walks at once, as `walk` makes them.

    Raises:
        ValueError: Fewer than two steps, or PDFs that `generate` refuses.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: needs two or more, the ends")
    here, there = (checked_prior(network, pdfs).mean for pdfs in (starts, ends))
    way = torch.linspace(0, 1, steps)[:, None]
    z = here[:, None] + way * (there - here)[:, None]
    made = structures(network, z.flatten(0, 1))
    parts = zip(*(part.split(steps) for part in (made.positions, made.present, made.z)), strict=True)
    return [Structures(*part) for part in parts]


def coordination_range(particles: Sequence[Float[ndarray, "_ 3"]]) -> tuple[int, int]:
    """Fewest and most neighbours of an atom in any of the particles."""
    numbers = [coordination(positions) for positions in particles]
    return int(min(n.min() for n in numbers)), int(max(n.max() for n in numbers))


def validities(made: Structures, allowed: tuple[int, int]) -> list[Validity]:
    """Judgement of each structure; `allowed` from `coordination_range` of the training shapes."""
    return [validity(made[index].numpy(), allowed) for index in range(len(made))]


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
