"""Positions → G(r): the one entry to the simulator."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deepstruc_lib.scattering.compact import compact
from deepstruc_lib.scattering.debye import reduced_structure_function
from deepstruc_lib.scattering.displacement import PairBroadening
from deepstruc_lib.scattering.form_factors import Radiation, form_factors
from deepstruc_lib.scattering.histogram import bin_centres, bin_width, distance_histogram, pair_kernel
from deepstruc_lib.scattering.settings import PRESETS, PDFSettings
from deepstruc_lib.scattering.transform import SineTransform, diffpy_transform, exact_transform

# Atoms behind this much empty space beyond rmax count as lost: they have their share in N but no pairs with the rest.
# One pair's ripples at rmax are then below 1e-3 of its own peak, and a lost atom is one of many (Å).
_LOST_BEYOND = 20.0


def simulate(
    positions: Float[Tensor, "*batch atoms 3"],
    settings: PDFSettings = PRESETS["deepstruc_published"],
    *,
    occupancies: Float[Tensor, "*batch atoms"] | None = None,
    symbols: Sequence[str] | None = None,
    radiation: Radiation = "xray",
    uiso: float | Tensor | None = None,
    delta2: float | Tensor | None = None,
    transform: Literal["exact", "diffpy"] = "exact",
    method: Literal["auto", "direct", "histogram"] = "auto",
) -> Float[Tensor, "*batch r"]:
    """Reduced pair distribution function G(r) = (2/π) ∫ F(Q) sin(Qr) dQ of particles, in Å⁻².

    F(Q) = 2/(N⟨f⟩²) Σ_{i<j} fᵢfⱼ exp(−c(d)(Uᵢ+Uⱼ)Q²/2) sin(Qd)/d, with c(d) of PairBroadening. For one element the
    form factor cancels. Differentiable with respect to positions, occupancies, uiso and delta2.

    Args:
        positions: Cartesian, in Å; padded atoms anywhere, with occupancy 0. float32 or float64, on any device; G has
            the same precision, under autocast too.
        settings: Q range, r grid, damping, B and correlated motion.
        occupancies: Weight of each atom between 0 and 1; all 1 where None.
        symbols: Chemical symbols, common to the batch, where a particle has several elements; needs method direct.
        radiation: X-rays or neutrons, where symbols are given.
        uiso: Overrides the settings' U, Å²: a number, one per particle (batch) or one per atom (batch, atoms).
        delta2: Overrides the settings' delta2, Å²: a number or a tensor with one value.
        transform: "exact" evaluates the integral at every r; "diffpy" does what diffpy.srreal 1.4 does, down to its
            Q grid and its interpolation.
        method: "direct" sums over pairs and is exact; "histogram" bins the distances first, for one element and a U
            common to a particle's atoms, with an error of at most 1e-4 of the highest peak. "auto" takes the
            histogram for float32 wherever it applies, else the direct sum.

    Raises:
        ValueError: Shapes disagree, a position is not finite, or the histogram is asked for what it cannot do.
    """
    single = positions.ndim == 2
    if single:
        positions = positions[None]
        occupancies = None if occupancies is None else occupancies[None]
    _check(positions, occupancies, symbols)
    u = _per_particle_or_atom(settings.uiso if uiso is None else uiso, positions, single)
    broadening = PairBroadening(settings.delta1, settings.delta2 if delta2 is None else delta2, settings.qbroad)
    seen = compact(positions, occupancies, settings.rmax + _LOST_BEYOND)
    if isinstance(u, Tensor) and u.shape[1] > 1:
        u = u[:, seen.kept]
    if symbols is not None:
        symbols = [str(symbol) for symbol in np.array(symbols)[seen.kept.tolist()]]
    # bfloat16 would leave two or three digits of G.
    with torch.autocast(positions.device.type, enabled=False):
        sine = _transform(settings, u, transform, seen.longest).on(positions.dtype, positions.device)
        if _choose(method, positions, u, symbols) == "histogram":
            f = _binned(seen, u, broadening, sine, settings)
        else:
            f = _summed(seen, symbols, radiation, u, broadening, sine)
        g = f @ sine.matrix
    return g[0] if single else g


def _check(positions: Tensor, occupancies: Tensor | None, symbols: Sequence[str] | None) -> None:
    if positions.ndim != 3 or positions.shape[-1] != 3 or 0 in positions.shape:
        raise ValueError(f"positions have shape {tuple(positions.shape)}: needs (batch, atoms, 3) or (atoms, 3)")
    if not positions.is_floating_point():
        raise ValueError(f"positions are {positions.dtype}: needs float32 or float64")
    if not bool(torch.isfinite(positions).all()):
        raise ValueError("positions hold NaN or infinity: needs finite coordinates in Å")
    if occupancies is not None and occupancies.shape != positions.shape[:2]:
        raise ValueError(
            f"occupancies have shape {tuple(occupancies.shape)}: needs {tuple(positions.shape[:2])}, one per atom"
        )
    if occupancies is not None and not bool(((occupancies >= 0) & (occupancies.sum(1, keepdim=True) > 0)).all()):
        raise ValueError("occupancies are negative, or all zero in a particle: needs 0 to 1, and at least one atom")
    if symbols is not None and len(symbols) != positions.shape[1]:
        raise ValueError(f"{len(symbols)} symbols for {positions.shape[1]} atoms: needs one per atom")


def _per_particle_or_atom(uiso: float | Tensor, positions: Tensor, single: bool) -> float | Tensor:
    """U as a number, (batch, 1) or (batch, atoms)."""
    if not bool(torch.as_tensor(uiso >= 0).all()):
        raise ValueError(f"uiso = {uiso}: needs zero or more, in Å²")
    if not isinstance(uiso, Tensor):
        return float(uiso)
    batch, atoms = positions.shape[:2]
    shapes = {(): (1, 1), (batch,): (batch, 1), (batch, atoms): (batch, atoms)}
    if single:
        shapes |= {(1,): (1, 1), (atoms,): (1, atoms)}
    if tuple(uiso.shape) not in shapes:
        raise ValueError(f"uiso has shape {tuple(uiso.shape)}: needs a number, ({batch},) or ({batch}, {atoms})")
    return uiso.to(positions).reshape(shapes[tuple(uiso.shape)])


def _choose(method: str, positions: Tensor, uiso: float | Tensor, symbols: Sequence[str] | None) -> str:
    per_atom = isinstance(uiso, Tensor) and uiso.shape[1] > 1
    binnable = symbols is None and not per_atom
    if method == "auto":
        return "histogram" if binnable and positions.dtype == torch.float32 else "direct"
    if method == "histogram" and not binnable:
        raise ValueError("method histogram: needs one element and one U for all atoms of a particle")
    if method not in ("direct", "histogram"):
        raise ValueError(f"method {method!r}: needs auto, direct or histogram")
    return method


def _transform(settings: PDFSettings, uiso: float | Tensor, kind: str, longest: float) -> SineTransform:
    if kind == "diffpy":
        largest = float(uiso.detach().max()) if isinstance(uiso, Tensor) else uiso
        return diffpy_transform(settings, largest)
    if kind != "exact":
        raise ValueError(f"transform {kind!r}: needs exact or diffpy")
    return exact_transform(settings, longest)


def _summed(seen, symbols, radiation, uiso, broadening, sine) -> Float[Tensor, "batch q"]:
    positions, occupancies = seen.positions, seen.occupancies
    present = positions.new_ones(positions.shape[:2]) if occupancies is None else occupancies.to(positions)
    atoms = present.sum(1, keepdim=True)
    per_atom = uiso.expand(present.shape) if isinstance(uiso, Tensor) else torch.full_like(present, uiso)
    if symbols is None:
        return reduced_structure_function(positions, sine.q, per_atom, present, broadening, sine.pair_range) / atoms
    amplitudes = present[..., None] * form_factors(symbols, sine.q, radiation)
    mean = amplitudes.sum(1) / atoms
    return reduced_structure_function(positions, sine.q, per_atom, amplitudes, broadening, sine.pair_range) / (
        atoms * mean.square()
    )


def _binned(seen, uiso, broadening, sine, settings) -> Float[Tensor, "batch q"]:
    positions, occupancies = seen.positions, seen.occupancies
    shortest, longest = sine.pair_range
    longest = min(longest, seen.longest)
    width = bin_width(settings.qmax)
    present = None if occupancies is None else occupancies.to(positions)
    histogram = distance_histogram(positions, present, longest, width, shortest)
    atoms = positions.shape[1] if present is None else present.sum(1, keepdim=True)
    if not isinstance(uiso, Tensor) and not isinstance(broadening.delta2, Tensor):
        return histogram @ _constant_kernel(sine, longest, width, uiso, broadening) / atoms
    if broadening.is_constant:
        undamped = histogram @ _constant_kernel(sine, longest, width, 0.0, broadening)
        return undamped * torch.exp(-uiso * sine.q.square()) / atoms
    distances = bin_centres(longest, width, sine.q)
    if not isinstance(uiso, Tensor) or len(uiso) == 1:
        return histogram @ pair_kernel(distances, sine.q, uiso, broadening) / atoms
    rows = [row @ pair_kernel(distances, sine.q, u, broadening) for row, u in zip(histogram, uiso, strict=True)]
    return torch.stack(rows) / atoms


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)  # kept tensors must serve gradients later, whoever asks first
def _constant_kernel(
    sine: SineTransform, longest: float, width: float, uiso: float, broadening: PairBroadening
) -> Float[Tensor, "bins q"]:
    return pair_kernel(bin_centres(longest, width, sine.q), sine.q, uiso, broadening)
