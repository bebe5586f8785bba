"""Leaves out what a PDF cannot see: absent atoms, and the empty space before atoms that have drifted away."""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Particle diameters are rounded up to this many Å, so that few different transforms and kernels are ever built.
_DIAMETER_STEP = 5.0
# Parts of a particle that were moved together stay this much farther apart than any pair that counts.
_CLEARANCE = 1.01


@dataclass(frozen=True, eq=False)
class Compacted:
    """Particles without absent atoms and without wide empty space.

    Args:
        positions: In Å.
        occupancies: Of the same atoms; None where all are present.
        kept: Which atoms (columns of the original batch) these are.
        longest: No pair that counts is farther apart, Å; those that do not count all are.
    """

    positions: Float[Tensor, "batch kept 3"]
    occupancies: Float[Tensor, "batch kept"] | None
    kept: Int[Tensor, " kept"]
    longest: float


def compact(
    positions: Float[Tensor, "batch atoms 3"], occupancies: Float[Tensor, "batch atoms"] | None, reach: float
) -> Compacted:
    """The same particles, such that an absent atom costs nothing wherever it lies, and a lost one hardly anything.

    Atoms absent from the whole batch are dropped, the other absent ones put on an atom that is present. Where a
    particle has empty space wider than `reach` along x, y or z, its parts are moved until just over `longest` apart:
    distances within each part stay, those across are still not counted. Differentiable; occupancies that require a
    gradient keep their atoms, as they may come back.

    Args:
        positions: In Å, finite.
        occupancies: Of each atom between 0 and 1, at least one of each particle above 0; all 1 where None.
        reach: Pairs farther apart than this do not count, unless atoms in between connect them, Å.
    """
    kept = torch.arange(positions.shape[1], device=positions.device)
    if occupancies is not None and not occupancies.requires_grad:
        kept = kept[(occupancies > 0).any(0)]
        occupancies = occupancies[:, kept]
        positions = _without_absent(positions[:, kept], occupancies > 0)
    wide, extent = _gaps(positions.detach(), reach)
    centred = positions.detach() - positions.detach().mean(1, keepdim=True)
    diameter = 2 * float(centred.square().sum(-1).max().sqrt())
    longest = _DIAMETER_STEP * (ceil(min(diameter, extent) / _DIAMETER_STEP) + 1)
    if wide:
        positions = positions - _excess(positions.detach(), reach, _CLEARANCE * max(longest, reach))
    return Compacted(positions, occupancies, kept, longest)


def _without_absent(positions: Float[Tensor, "batch kept 3"], present: Tensor) -> Float[Tensor, "batch kept 3"]:
    """Absent atoms on the first that is present, where no gradient reaches them."""
    rows = torch.arange(len(positions), device=positions.device)
    first = positions.detach()[rows, present.int().argmax(1)]
    return torch.where(present[..., None], positions, first[:, None])


def _gaps(positions: Float[Tensor, "batch kept 3"], reach: float) -> tuple[bool, float]:
    """Whether there is empty space wider than reach, and the longest diagonal of a box around one part."""
    ordered = positions.sort(dim=1).values
    begins = torch.ones_like(ordered, dtype=torch.bool)
    begins[:, 1:] = ordered.diff(dim=1) > reach
    start = torch.where(begins, ordered, -torch.inf).cummax(1).values
    diagonal = (ordered - start).amax(1).norm(dim=1).max()
    return bool(begins[:, 1:].any()), float(diagonal)


def _excess(positions: Float[Tensor, "batch kept 3"], reach: float, apart: float) -> Float[Tensor, "batch kept 3"]:
    """How far each atom is to move so that wide gaps become `apart`; the part around the median atom stays."""
    ordered, order = positions.sort(dim=1)
    gaps = ordered.diff(dim=1)
    shift = torch.zeros_like(positions)
    shift[:, 1:] = torch.where(gaps > reach, gaps - apart, 0).cumsum(1)
    # Far coordinates have few digits left for the rest, so that the particle itself must not be what moves.
    shift = shift - shift[:, [positions.shape[1] // 2]]
    return torch.zeros_like(positions).scatter(1, order, shift)
