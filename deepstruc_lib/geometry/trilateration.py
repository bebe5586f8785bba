"""From distances to positions for a whole batch: linear from the satellites, then one polish on all distances."""

from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from deepstruc_lib.geometry.unit_sphere import FEWEST_SATELLITES

# Polishing stops for a structure whose atoms move less, in units of the radius, or less than so many roundings.
TOLERANCE = 1e-6
_ROUNDINGS = 64
# Steps remembered by the acceleration: three rotations held by few satellites are what converges slowly.
_MEMORY = 6
# Distances handled at once on a CPU, so that they stay in the cache.
_BLOCK = 1 << 17
# Satellites whose spread across some plane is a smaller part of their whole do not fix positions in double precision.
_COPLANAR = 1e-6


def linear_positions(
    satellite_distances: Float[Tensor, "*batch satellites"],
    satellites: Float[Tensor, "satellites 3"],
    radii: Float[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch 3"]:
    """Positions by linear least squares from distances to points on the unit sphere; differentiable.

    |p − s|² = |p|² − 2 p·s + 1 is linear in |p|² and p where |s| = 1. A negative distance counts as zero.

    Args:
        satellite_distances: Of each position to each satellite.
        satellites: On the unit sphere.
        radii: Distances from the origin, where they are known too: they help where the satellites are badly placed.

    Raises:
        ValueError: There are fewer than four satellites, they lie in one plane, or the shapes do not fit.
    """
    _check_satellites(satellites)
    if satellite_distances.shape[-1:] != satellites.shape[:1]:
        raise ValueError(
            f"distances {tuple(satellite_distances.shape)} to {len(satellites)} satellites: needs (…, these)"
        )
    terms = torch.cat([torch.ones_like(satellites[:, :1]), -2 * satellites], dim=1)
    squares = satellite_distances.clamp_min(0).square() - 1
    if radii is not None:
        terms = torch.cat([terms, terms.new_tensor([[1.0, 0, 0, 0]])])
        squares = torch.cat([squares, radii.clamp_min(0).square()[..., None]], dim=-1)
    # On the CPU, since not every device has float64; the matrix is small.
    inverse = torch.linalg.pinv(terms.cpu().double())[1:].to(squares)
    return squares @ inverse.mT


@torch.no_grad()
def trilaterate(
    distances: Float[Tensor, "batch atoms atoms"],
    satellite_distances: Float[Tensor, "batch atoms satellites"],
    satellites: Float[Tensor, "satellites 3"],
    present: Bool[Tensor, "batch atoms"],
    *,
    polish: int = 100,
) -> Float[Tensor, "batch atoms 3"]:
    """Positions in the unit sphere that best fit all distances, Σ (|pᵢ − pⱼ| − dᵢⱼ)² + Σ (|pᵢ − sₖ| − dᵢₖ)².

    The first atom is the origin and, like the satellites, stays where it is. From `linear_positions` the sum falls with
    every step of stress majorisation (SMACOF, doi:10.18637/jss.v031.i03); Anderson's extrapolation
    (doi:10.1145/321296.321305) makes the steps few. An atom's result does not depend on the rest of the batch.

    Args:
        distances: In units of the radius, as everything here. The mean of both triangles is used, the diagonal is not;
            a negative distance, as a network may predict, counts as zero.
        satellite_distances: Of each atom to each satellite.
        satellites: On the unit sphere.
        present: False for dummies, whose rows and columns are ignored and whose positions are zero.
        polish: At most this many steps; 0 leaves the linear positions, the first atom's included.

    Raises:
        ValueError: The satellites do not fix a place, the shapes do not fit, a structure lacks its first atom, or a
            distance between atoms that are present is not finite.
    """
    _check(distances, satellite_distances, satellites, present)
    satellites = satellites.to(satellite_distances)
    others = ~torch.eye(present.shape[1], dtype=torch.bool, device=present.device)
    pairs = present[:, :, None] & present[:, None, :] & others
    between = torch.where(pairs, (distances + distances.mT) / 2, 0)
    outward = torch.where(present[..., None], satellite_distances, 0)
    if not (between.isfinite().all() and outward.isfinite().all()):
        raise ValueError("distances hold NaN or infinity: needs finite ones wherever an atom is present")
    if polish == 0:
        return linear_positions(outward, satellites) * present[..., None]
    positions = linear_positions(outward, satellites, between[..., 0]) * present[..., None]
    # Far away is no start, however little the satellites fix.
    positions = positions / positions.norm(dim=2, keepdim=True).clamp_min(1)
    positions[:, 0] = 0
    fixed = torch.cat([satellites, satellites.new_zeros(1, 3)])
    wanted = torch.cat([between[:, 1:, 1:], outward[:, 1:], between[:, 1:, :1]], dim=2).clamp_min(0)
    moving = present[:, 1:, None].to(wanted)
    # Each pair of atoms is met twice, each atom and fixed point once.
    weights = torch.cat([pairs[:, 1:, 1:] / 2, moving.expand(-1, -1, len(fixed))], dim=2).to(wanted)
    for some in _blocks(wanted):
        step = partial(_majorise, wanted[some], weights[some], fixed, moving[some])
        positions[some, 1:] = _descend(step, positions[some, 1:], polish)
    return positions


def _blocks(wanted: Tensor) -> list[slice]:
    """Slices of the batch: on a CPU so many structures at once as stay in the cache."""
    batch, atoms, columns = wanted.shape
    if atoms == 0:
        return []
    size = max(1, _BLOCK // (atoms * columns)) if wanted.device.type == "cpu" else batch
    return [slice(start, start + size) for start in range(0, batch, size)]


def _majorise(wanted, weights, fixed, present, positions) -> tuple[Tensor, Tensor]:
    """Guttman transform of the positions, and the stress they had.

    The matrix to invert is (n + F)·1 − J for n atoms and F fixed points, J all ones: its inverse is (1 + J/F)/(n + F).
    """
    places = torch.cat([positions, fixed.expand(len(positions), -1, -1)], dim=1)
    distances = torch.cdist(positions, places, compute_mode="use_mm_for_euclid_dist")
    stress = ((wanted - distances).square() * weights).sum((1, 2))
    ratio = wanted / distances.clamp_min(torch.finfo(distances.dtype).eps)
    pull = (positions * ratio.sum(2, keepdim=True) - ratio @ places + fixed.sum(0)) * present
    count = len(fixed)
    return (pull + pull.sum(1, keepdim=True) / count) * present / (present.sum(1, keepdim=True) + count), stress


def _descend(step, positions, most) -> Tensor:
    """Go to where `step` moves nothing, each structure until it rests; extrapolate where that lowers the stress."""
    tolerance = max(TOLERANCE, _ROUNDINGS * torch.finfo(positions.dtype).eps)
    moves = positions.new_zeros(_MEMORY, *positions.shape)
    changes = moves.clone()
    safe, before, before_residual = positions, positions, torch.zeros_like(positions)
    lowest = positions.new_full((len(positions), 1, 1), torch.inf)
    moving, extrapolated = torch.ones_like(lowest, dtype=torch.bool), torch.zeros_like(lowest, dtype=torch.bool)
    for index in range(most):
        stepped, stress = step(positions)
        stress = stress[:, None, None]
        residual, worse = stepped - positions, stress > lowest
        # Majorisation itself never raises the stress but by rounding: then there is no more to gain.
        moving = moving & (residual.abs().amax((1, 2), keepdim=True) > tolerance) & (extrapolated | ~worse)
        if not moving.any():
            break
        if index > 0:
            moves[index % _MEMORY], changes[index % _MEMORY] = positions - before, residual - before_residual
        moves, changes = torch.where(worse, 0, moves), torch.where(worse, 0, changes)
        before, before_residual = positions, residual
        safe, lowest, extrapolated = torch.where(worse, safe, stepped), torch.minimum(lowest, stress), ~worse
        onward = torch.where(worse, safe, stepped - _extrapolation(moves, changes, residual))
        positions = torch.where(moving, onward, positions)
    # Where the steps were used up the last extrapolation is untried.
    return torch.where(moving, safe, positions)


def _extrapolation(moves, changes, residual) -> Tensor:
    """What the remembered steps say of the residual's rest (Anderson), for each structure."""
    past, rest = changes.flatten(2).transpose(0, 1), residual.flatten(1)
    products = past @ past.mT
    ridge = torch.finfo(past.dtype).eps * products.diagonal(dim1=1, dim2=2).sum(1) + torch.finfo(past.dtype).tiny
    products.diagonal(dim1=1, dim2=2).add_(ridge[:, None])
    mix = torch.linalg.solve(products, past @ rest[..., None])
    return torch.einsum("mbac,bm->bac", moves + changes, mix[..., 0])


def _check_satellites(satellites: Tensor) -> None:
    if satellites.ndim != 2 or satellites.shape[1] != 3:
        raise ValueError(f"satellites of shape {tuple(satellites.shape)}: needs (satellites, 3)")
    if len(satellites) < FEWEST_SATELLITES:
        raise ValueError(f"{len(satellites)} satellites: needs {FEWEST_SATELLITES} or more to fix a place in space")
    if not satellites.isfinite().all():
        raise ValueError("satellites hold NaN or infinity: needs points on the unit sphere")
    spread = torch.linalg.svdvals((satellites - satellites.mean(0)).cpu().double())
    if spread[2] <= _COPLANAR * spread[0]:
        raise ValueError("the satellites lie in one plane: needs four or more that do not")


def _check(distances: Tensor, satellite_distances: Tensor, satellites: Tensor, present: Tensor) -> None:
    _check_satellites(satellites)
    if present.ndim != 2 or present.dtype != torch.bool:
        raise ValueError(f"present is {present.dtype} of shape {tuple(present.shape)}: needs bool (structures, atoms)")
    wanted = {"distances": (*present.shape, present.shape[1])}
    wanted["satellite_distances"] = (*present.shape, len(satellites))
    for name, given in (("distances", distances), ("satellite_distances", satellite_distances)):
        if tuple(given.shape) != wanted[name]:
            raise ValueError(f"{name} of shape {tuple(given.shape)}: needs {wanted[name]}")
        if not given.is_floating_point():
            raise ValueError(f"{name} are {given.dtype}: needs float32 or float64")
    if not present.any(1).all():
        raise ValueError("a structure consists of dummies alone: needs an atom in each")
    if not present[:, 0].all():
        raise ValueError("a structure's first row is a dummy: needs the atom at the origin there")
