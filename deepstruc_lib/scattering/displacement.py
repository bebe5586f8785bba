"""How thermal motion damps a pair's share of F(Q)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class PairBroadening:
    """c(d) = 1 − δ₁/d − δ₂/d² + (qbroad·d)²: a pair's mean-square displacement is c(d)·(Uᵢ + Uⱼ).

    Neighbours move together, which sharpens the first peaks (δ₁ in Å, δ₂ in Å²); the instrument broadens the far ones
    (qbroad in Å⁻¹). Where c is negative the peak is taken as sharp, as diffpy.srreal does
    (doi:10.1107/S2053273315014473).
    """

    delta1: float = 0.0
    delta2: float | Tensor = 0.0
    qbroad: float = 0.0

    @property
    def is_constant(self) -> bool:
        """True where c(d) = 1 for every pair."""
        return not (isinstance(self.delta2, Tensor) or self.delta1 or self.delta2 or self.qbroad)

    def factor(self, distances: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
        """c(d), never negative."""
        if self.is_constant:
            return torch.ones_like(distances)
        # Atoms that coincide have no direction to move along together: c(0) := 0, as in diffpy.srreal.
        safe = distances.clamp_min(torch.finfo(distances.dtype).tiny ** 0.25)
        c = 1 - self.delta1 / safe - self.delta2 / safe**2 + (self.qbroad * safe) ** 2
        return c.clamp_min(0)
