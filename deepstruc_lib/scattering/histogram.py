"""The fast way to F(Q): every quantity is linear in the histogram of pair distances.

DebyeCalculator 1.1 (doi:10.21105/joss.06024) does the same, one particle at a time.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from deepstruc_lib.scattering.displacement import PairBroadening

# Bin width times qmax. A distance is shared among four bins by cubic Lagrange weights; they reproduce sin(Qd) to
# (9/384)·(Q·width)⁴, at worst 9e-5 of its amplitude here.
_PHASE_PER_BIN = 0.25
# Bins before d = 0 and after the last: the weights reach one bin down and two up.
_BELOW, _ABOVE = 1, 3
# Weight of bin k−1, k, k+1, k+2 (rows) as a polynomial in x = d/width − k (columns: 1, x, x², x³).
_LAGRANGE = ((0, -1 / 3, 1 / 2, -1 / 6), (1, -1 / 2, -1, 1 / 2), (0, 1, 1 / 2, -1 / 2), (0, -1 / 6, 0, 1 / 6))
# Pair distances handled at once, so that a block and its bins stay in the cache.
_BLOCK = 1 << 18
# The distance matrix is computed in this many row blocks, each from its diagonal on: with 4 it is 62 % of N².
_STRIPS = 4
_SHORTEST_STRIP = 48


def bin_width(qmax: float) -> float:
    """Width of the distance bins that carries sin(qmax·d) to 9e-5, Å."""
    return _PHASE_PER_BIN / qmax


def bin_centres(longest: float, width: float, like: Tensor) -> Float[Tensor, " bins"]:
    """Distances of the bins, Å, from −width (sin(Qd)/d is even) to a little beyond the longest; in like's precision."""
    count = int(longest / width) + 1 + _BELOW + _ABOVE
    return (torch.arange(count, dtype=like.dtype, device=like.device) - _BELOW) * width


def distance_histogram(
    positions: Float[Tensor, "batch atoms 3"],
    occupancies: Float[Tensor, "batch atoms"] | None,
    longest: float,
    width: float,
    shortest: float = 0.0,
) -> Float[Tensor, "batch bins"]:
    """Number of pairs i < j at each distance, weighted with both occupancies; differentiable.

    Σ_k histogram[k]·f(bin_centres[k]) equals Σ_{i<j} f(d_ij) for every f that is smooth on the scale of a bin.

    Args:
        positions: In Å.
        occupancies: Between 0 (absent, padding) and 1; all present where None.
        longest: Pairs farther apart are not counted, Å.
        width: Of a bin, Å.
        shortest: Pairs closer together are not counted, Å.
    """
    return _DistanceHistogram.apply(positions, occupancies, longest, width, shortest)


def pair_kernel(
    distances: Float[Tensor, " bins"], q: Float[Tensor, " q"], uiso: float | Tensor, broadening: PairBroadening
) -> Float[Tensor, "bins q"]:
    """What one pair at each distance adds to F(Q): 2 exp(−c(d)·U·Q²) sin(Qd)/d.

    Args:
        distances: In Å.
        q: In Å⁻¹.
        uiso: Mean-square displacement of every atom, Å²; 0 where the caller damps F(Q) itself.
        broadening: How distance changes the displacement of a pair.
    """
    wave = 2 * q * torch.sinc(distances[:, None] * (q / torch.pi))
    if isinstance(uiso, Tensor) or uiso > 0:
        wave = wave * torch.exp(-(broadening.factor(distances.abs()) * uiso)[:, None] * q.square())
    return wave


class _DistanceHistogram(torch.autograd.Function):
    """Forward scatters powers of x into the bins, backward reads the polynomial of each bin: no N×N graph is kept."""

    @staticmethod
    def forward(ctx, positions, occupancies, longest, width, shortest):
        ctx.save_for_backward(positions, occupancies)
        ctx.limits = (longest, width, shortest)
        batch, atoms, _ = positions.shape
        bins = int(longest / width) + 1 + _BELOW + _ABOVE
        histogram = positions.new_zeros(batch, bins)
        for chosen, strips in _blocks(batch, atoms):
            powers = positions.new_zeros(4, len(positions[chosen]), bins)
            for strip in strips:
                x, index, distances = _bin(positions[chosen], strip, longest, width, shortest, bins)
                strength = _pair_strength(occupancies, chosen, strip, distances)
                for power in powers:
                    power.scatter_add_(1, index, strength)
                    strength = strength * x
            for shift, row in enumerate(positions.new_tensor(_LAGRANGE)):
                part = torch.tensordot(row, powers, dims=1)
                histogram[chosen, shift : bins - 3 + shift] += part[:, : bins - 3]
        return histogram

    @staticmethod
    def backward(ctx, gradient):
        positions, occupancies = ctx.saved_tensors
        longest, width, shortest = ctx.limits
        batch, atoms, _ = positions.shape
        bins = gradient.shape[1]
        # Coefficients, for each bin, of the cubic through the four gradients around it.
        table = gradient.new_zeros(4, batch, bins)
        table[:, :, : bins - 3] = torch.einsum("bks,sp->pbk", gradient.unfold(1, 4, 1), gradient.new_tensor(_LAGRANGE))
        to_positions = torch.zeros_like(positions)
        to_occupancies = None if occupancies is None else torch.zeros_like(occupancies)
        for chosen, strip in ((chosen, strip) for chosen, strips in _blocks(batch, atoms) for strip in strips):
            x, index, distances = _bin(positions[chosen], strip, longest, width, shortest, bins)
            c0, c1, c2, c3 = (coefficient[chosen].gather(1, index) for coefficient in table)
            slope = (c1 + x * (2 * c2 + 3 * x * c3)) / width
            pull = (slope * _pair_strength(occupancies, chosen, strip, distances)).view_as(distances) / distances
            rows, columns = positions[chosen, strip], positions[chosen, strip.start :]
            to_positions[chosen, strip] += rows * pull.sum(2, keepdim=True) - pull @ columns
            to_positions[chosen, strip.start :] += columns * pull.sum(1)[..., None] - pull.mT @ rows
            if occupancies is not None and to_occupancies is not None:
                value = (c0 + x * (c1 + x * (c2 + x * c3))) * _pair_strength(None, chosen, strip, distances)
                value, present = value.view_as(distances), occupancies[chosen]
                to_occupancies[chosen, strip] += (value @ present[:, strip.start :, None])[..., 0]
                to_occupancies[chosen, strip.start :] += (present[:, None, strip] @ value)[:, 0]
        return to_positions, to_occupancies, None, None, None


def _blocks(batch: int, atoms: int) -> Iterator[tuple[slice, list[slice]]]:
    """Slices of structures, and their rows in strips: each strip is met with itself and with all atoms after it."""
    rows = min(max(_SHORTEST_STRIP, -(-atoms // _STRIPS)), max(1, _BLOCK // atoms))
    strips = [slice(row, min(row + rows, atoms)) for row in range(0, atoms, rows)]
    step = max(1, _BLOCK // (min(rows, atoms) * atoms))
    for start in range(0, batch, step):
        yield slice(start, start + step), strips


def _bin(positions, strip, longest, width, shortest, bins):
    """Of each pair (row, column): place within its bin, the bin, and the distance; uncounted ones go to the last."""
    centred = positions - positions.mean(1, keepdim=True)
    distances = torch.cdist(centred[:, strip], centred[:, strip.start :], compute_mode="use_mm_for_euclid_dist")
    # Absent atoms may lie on top of each other, and the way back divides by the distance.
    distances.clamp_min_(1e-3 * width)
    # An atom is no pair with itself.
    distances.diagonal(0, 1, 2).fill_(2 * longest)
    scaled = distances.flatten(1) / width
    scaled.masked_fill_(scaled > longest / width, bins - 1 - _BELOW)
    if shortest > 0:
        scaled.masked_fill_(scaled < shortest / width, bins - 1 - _BELOW)
    whole = scaled.floor()
    return scaled - whole, whole.long(), distances


def _pair_strength(occupancies, chosen, strip, like):
    """Product of both occupancies; a half within the strip itself, where every pair is met twice."""
    strength = torch.ones_like(like)
    strength[:, :, : like.shape[1]] = 0.5
    if occupancies is not None:
        present = occupancies[chosen]
        strength *= present[:, strip, None] * present[:, None, strip.start :]
    return strength.flatten(1)
