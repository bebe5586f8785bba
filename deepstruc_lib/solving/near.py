"""Which atoms and pairs a PDF can see: those with a partner within reach, and nothing else."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class NearAtoms:
    """Particles without their absent and their lonely atoms, padded to the largest of them.

    Args:
        positions: In Å; padding lies on the first atom of its particle, where no gradient reaches it.
        occupancies: Zero for padding; None where every atom is kept and has occupancy 1.
        kept: False for padding; None where there is none.
        order: Which atom of the original batch each one is; None where every atom is kept.
        extent: No pair is farther apart, Å.
    """

    positions: Float[Tensor, "batch near 3"]
    occupancies: Float[Tensor, "batch near"] | None
    kept: Bool[Tensor, "batch near"] | None
    order: Int[Tensor, "batch near"] | None
    extent: float

    def of_atoms(self, values: Float[Tensor, "batch atoms"]) -> Float[Tensor, "batch near"]:
        """A value for each original atom, of those that are kept."""
        return values if self.order is None else values.gather(1, self.order)


def near_atoms(
    positions: Float[Tensor, "batch atoms 3"], occupancies: Float[Tensor, "batch atoms"] | None, reach: float
) -> NearAtoms:
    """Drops absent atoms, and those that have no other atom within reach.

    Occupancies that require a gradient keep their atoms at zero: a derivative may bring them back.

    Args:
        positions: In Å, finite.
        occupancies: Of each atom between 0 and 1; all 1 where None.
        reach: Pairs farther apart do not count, Å.
    """
    near = NearAtoms(positions, occupancies, None, None, _extent(positions))
    if occupancies is not None and not occupancies.requires_grad:
        near = _keeping(near, occupancies > 0)
    if near.extent > reach:
        near = _keeping(near, _pairs_within(near, reach).any(2))
    return near


def near_pairs(
    near: NearAtoms, reach: float
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Particle, first and second atom (first < second) of all pairs within reach, padding left out.

    Args:
        near: Particles.
        reach: Å.
    """
    particle, first, second = _pairs_within(near, reach).triu_(1).nonzero(as_tuple=True)
    return particle, first, second


def _keeping(near: NearAtoms, kept: Bool[Tensor, "batch atoms"]) -> NearAtoms:
    if kept.all():
        return near
    # True before False, each in its own order.
    order = torch.sort((~kept).int(), dim=1, stable=True).indices[:, : max(1, int(kept.sum(1).max()))]
    kept = kept.gather(1, order)
    chosen = near.positions.gather(1, order[..., None].expand(-1, -1, 3))
    chosen = torch.where(kept[..., None], chosen, chosen[:, :1].detach())
    weights = torch.ones_like(chosen[..., 0]) if near.occupancies is None else near.occupancies.gather(1, order)
    original = order if near.order is None else near.order.gather(1, order)
    return NearAtoms(chosen, torch.where(kept, weights, 0), kept, original, _extent(chosen))


@torch.no_grad()
def _pairs_within(near: NearAtoms, reach: float) -> Bool[Tensor, "batch atoms atoms"]:
    # Differences of far coordinates, not of their squares, or float32 would lose the near ones.
    distances = torch.cdist(near.positions, near.positions, compute_mode="donot_use_mm_for_euclid_dist")
    within = distances <= reach
    if near.kept is not None:
        within &= near.kept[:, :, None] & near.kept[:, None]
    within.diagonal(0, 1, 2).fill_(False)
    return within


def _extent(positions: Tensor) -> float:
    """Longest diagonal of a box around one particle, Å."""
    return float((positions.detach().amax(1) - positions.detach().amin(1)).norm(dim=1).max())
