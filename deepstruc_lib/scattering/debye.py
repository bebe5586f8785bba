"""The Debye sum, pair by pair: exact, differentiable, any composition; also I(Q) and S(Q)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from deepstruc_lib.scattering.displacement import PairBroadening

# Pairs × Q values held at once: 4 million float64 numbers are 32 MB, a few of them stay in a laptop's memory.
_CHUNK = 4_000_000


def pair_indices(atoms: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First and second atom of every pair i < j."""
    first, second = torch.triu_indices(atoms, atoms, offset=1, device=device)
    return first, second


def reduced_structure_function(
    positions: Float[Tensor, "batch atoms 3"],
    q: Float[Tensor, " q"],
    uiso: Float[Tensor, "batch atoms"],
    weights: Float[Tensor, "batch atoms"] | Float[Tensor, "batch atoms q"],
    broadening: PairBroadening,
    pair_range: tuple[float, float],
) -> Float[Tensor, "batch q"]:
    """Σ_{i<j} 2 wᵢwⱼ exp(−c(d)(Uᵢ+Uⱼ)Q²/2) sin(Qd)/d, F(Q)·N⟨f⟩² of each particle (Debye 1915).

    Args:
        positions: In Å.
        q: In Å⁻¹.
        uiso: Mean-square displacement of each atom, Å².
        weights: Occupancy of each atom, times its form factor where elements differ.
        broadening: How distance changes the displacement of a pair.
        pair_range: Shortest and longest distance that counts, Å.
    """
    first, second = pair_indices(positions.shape[1], positions.device)
    chunk = max(1, _CHUNK // (len(q) * len(positions)))

    def share(i: Tensor, j: Tensor) -> Tensor:
        separation = (positions[:, i] - positions[:, j]).square().sum(-1)
        # The square root has no derivative at zero; such pairs are only ever absent atoms on top of each other.
        distance = separation.clamp_min(torch.finfo(separation.dtype).tiny ** 0.5).sqrt()
        counted = (distance >= pair_range[0]) & (distance <= pair_range[1])
        half_width = broadening.factor(distance) * (uiso[:, i] + uiso[:, j]) / 2
        strength = weights[:, i] * weights[:, j]
        # sin(Qd)/d = Q sinc(Qd/π) is regular at d = 0
        wave = q * torch.sinc(distance[..., None] * (q / torch.pi))
        wave = wave * torch.exp(-half_width[..., None] * q.square())
        strength = strength * (counted if strength.ndim == 2 else counted[..., None])
        return (2 * strength[..., None] * wave if strength.ndim == 2 else 2 * strength * wave).sum(1)

    total = positions.new_zeros(len(positions), len(q))
    for i, j in zip(first.split(chunk), second.split(chunk), strict=True):
        # Recomputed on the way back, so that memory stays that of one chunk.
        part = checkpoint(share, i, j, use_reentrant=False) if torch.is_grad_enabled() else share(i, j)
        total = total + part
    return total


def debye_intensity(
    positions: Float[Tensor, "atoms 3"],
    form_factors: Float[Tensor, "atoms q"],
    q: Float[Tensor, " q"],
    uiso: float = 0.0,
) -> Float[Tensor, " q"]:
    """Debye scattering intensity of one particle, I(Q) = Σᵢⱼ fᵢfⱼ exp(−U Q²) sin(Q rᵢⱼ)/(Q rᵢⱼ), i = j undamped.

    Args:
        positions: Cartesian, in Å.
        form_factors: In electrons (X-rays) or fm (neutrons).
        q: In Å⁻¹, greater than zero.
        uiso: Mean-square displacement of every atom, Å².

    Raises:
        ValueError: A q is not positive.
    """
    if not bool((q > 0).all()):
        raise ValueError(f"q begins at {float(q.min())} Å⁻¹: needs values above zero")
    pairs = reduced_structure_function(
        positions[None],
        q,
        positions.new_full((1, len(positions)), uiso),
        form_factors[None],
        PairBroadening(),
        (0.0, float("inf")),
    )[0]
    return form_factors.square().sum(0) + pairs / q


def total_scattering_structure_function(
    intensity: Float[Tensor, " q"], form_factors: Float[Tensor, "atoms q"]
) -> Float[Tensor, " q"]:
    """S(Q) = 1 + (I(Q) − Σf²)/(N⟨f⟩²), which tends to 1 at large Q (Faber–Ziman).

    Args:
        intensity: I(Q) of one particle, i = j included.
        form_factors: Of its atoms, in the unit of √I.
    """
    atoms = len(form_factors)
    return 1 + (intensity - form_factors.square().sum(0)) / (atoms * form_factors.mean(0).square())
