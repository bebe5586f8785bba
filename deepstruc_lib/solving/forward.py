"""Positions → G(r) at a measured PDF's points, in torch: batched, differentiable, the fit's own curve."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from deepstruc_lib.scattering.displacement import PairBroadening
from deepstruc_lib.scattering.histogram import bin_centres, bin_width, distance_histogram, pair_kernel
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.scattering.transform import sine_matrix
from deepstruc_lib.solving.near import NearAtoms, near_atoms, near_pairs
from deepstruc_lib.solving.target import REACH_MARGIN, FitTarget

# Pairs × Q values held at once by the direct sum: four million float64 numbers are 32 MB.
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """What a particle's PDF would be where another was measured; `of` makes one for a fit target.

    G(r) = scale·exp(−(qdamp·r)²/2)·(2/π) ∫ F(Q) sin(Qr) dQ, with F(Q) = 2/N Σ_{i<j} oᵢoⱼ exp(−c(D)(Uᵢ+Uⱼ)Q²/2)
    sin(QD)/D over pairs at D = stretch·d, N = Σ oᵢ, c = 1 − delta2/D² ≥ 0 and U = B/(8π²). Pairs beyond reach send
    nothing into the range and are left out, as in the fit.

    Args:
        q: Nodes of the integral, Å⁻¹.
        transform: (2/π)·weight·sin(Qr), undamped.
        r: Points of the curve, Å.
        qmax: Upper end of the integral, Å⁻¹.
        qdamp: Of the measurement where the caller gives none, Å⁻¹.
        reach: Longest pair distance that counts, stretch included, Å.
    """

    q: Float[Tensor, " q"]
    transform: Float[Tensor, "q r"]
    r: Float[Tensor, " r"]
    qmax: float
    qdamp: float
    reach: float

    @classmethod
    def of(
        cls,
        target: FitTarget,
        *,
        full: bool = False,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> "ForwardModel":
        """The model of a fit target, at the points of the fit (`target.r_points`) or on the file's grid (`target.r`).

        Args:
            target: The measured PDF.
            full: On the file's own grid.
            dtype: Of the positions to come; float32 is exact to 1e-4 of the highest peak, float64 to rounding.
            device: Of the positions to come.
        """
        r = target.r if full else target.r_points
        undamped = sine_matrix(target.q, target.weights, r, 0.0)
        # A model made while no gradients are recorded must serve later ones that are.
        with torch.inference_mode(False):
            q, transform, points = (torch.tensor(x, dtype=dtype, device=device) for x in (target.q, undamped, r))
        return cls(q, transform, points, target.qmax, target.qdamp, REACH_MARGIN * target.longest)

    def __call__(
        self,
        positions: Float[Tensor, "*batch atoms 3"],
        *,
        biso: float | Tensor,
        occupancies: Float[Tensor, "*batch atoms"] | None = None,
        scale: float | Tensor = 1.0,
        stretch: float | Tensor = 1.0,
        delta2: float | Tensor = 0.0,
        qdamp: float | Tensor | None = None,
        method: Literal["auto", "direct", "histogram"] = "auto",
    ) -> Float[Tensor, "*batch r"]:
        """G(r) in Å⁻², differentiable with respect to every tensor among the arguments.

        Each of scale, stretch, delta2 and qdamp is a number, or a tensor with one value or one for each particle.
        Absent atoms (occupancy 0, unless occupancies require a gradient) and those with no other atom within reach are
        left out before anything is computed: they count in N with their occupancy, and cost nothing.

        Args:
            positions: In Å, of one particle or a padded batch; in the model's precision and on its device.
            biso: B in Å²: a number, or a tensor with one value, one for each particle or one for each atom.
            occupancies: Of each atom between 0 and 1; all 1 where None.
            scale: Factor on G.
            stretch: Factor on all distances.
            delta2: Correlated motion, Å².
            qdamp: Instead of the measurement's, Å⁻¹.
            method: "direct" sums over pairs and is exact; "histogram" bins the distances first, needs a B common to a
                particle's atoms, and errs by 1e-4 of the highest peak at most. "auto": the histogram for float32 where
                it applies.

        Raises:
            ValueError: Shapes or precision disagree, a position is not finite, or the histogram cannot do it.
        """
        single = positions.ndim == 2
        if single:
            positions, occupancies = positions[None], None if occupancies is None else occupancies[None]
            biso = biso[None] if isinstance(biso, Tensor) and biso.ndim == 1 and len(biso) > 1 else biso
        self._check(positions, occupancies)
        numbers = None if isinstance(biso, Tensor) or isinstance(delta2, Tensor) else (float(biso), float(delta2))
        biso = _per_particle("biso", biso, positions, per_atom=True)
        delta2 = _per_particle("delta2", delta2, positions)
        near = near_atoms(positions * _per_particle("stretch", stretch, positions)[..., None], occupancies, self.reach)
        binned = _choose(method, positions, biso) == "histogram"
        # bfloat16 would leave two or three digits of G.
        with torch.autocast(positions.device.type, enabled=False):
            if not binned:
                g = self._summed(near, biso / B_PER_U, delta2) @ self.transform
            elif numbers is None:
                g = self._binned(self._histogram(near), biso / B_PER_U, delta2) @ self.transform
            else:
                histogram = self._histogram(near)
                g = histogram @ self._response(*numbers)[: histogram.shape[1]]
        atoms = positions.shape[1] if occupancies is None else occupancies.sum(1, keepdim=True)
        damping = _per_particle("qdamp", self.qdamp if qdamp is None else qdamp, positions) * self.r
        g = g * torch.exp(-damping.square() / 2) * _per_particle("scale", scale, positions) / atoms
        return g[0] if single else g

    def _check(self, positions: Tensor, occupancies: Tensor | None) -> None:
        if positions.ndim != 3 or positions.shape[-1] != 3 or 0 in positions.shape:
            raise ValueError(f"positions have shape {tuple(positions.shape)}: needs (batch, atoms, 3) or (atoms, 3)")
        if (positions.dtype, positions.device) != (self.q.dtype, self.q.device):
            raise ValueError(
                f"positions are {positions.dtype} on {positions.device}: needs {self.q.dtype} on {self.q.device}, "
                "as the model was made"
            )
        if not bool(torch.isfinite(positions).all()):
            raise ValueError("positions hold NaN or infinity: needs finite coordinates in Å")
        if occupancies is None:
            return
        if occupancies.shape != positions.shape[:2]:
            raise ValueError(f"occupancies have shape {tuple(occupancies.shape)}: needs {tuple(positions.shape[:2])}")
        if not bool(((occupancies >= 0) & (occupancies.sum(1, keepdim=True) > 0)).all()):
            raise ValueError("occupancies are negative, or all zero in a particle: needs 0 to 1, and an atom")

    def _summed(self, near: NearAtoms, uiso: Tensor, delta2: Tensor) -> Float[Tensor, "batch q"]:
        """F(Q)·N pair by pair."""
        positions, occupancies = near.positions, near.occupancies
        batch = len(positions)
        uiso = near.of_atoms(uiso) if uiso.shape[1] > 1 else uiso
        uiso, delta2 = uiso.expand(batch, -1), delta2.expand(batch, 1)[:, 0]

        def share(particle: Tensor, first: Tensor, second: Tensor) -> Float[Tensor, "batch q"]:
            separation = (positions[particle, first] - positions[particle, second]).square().sum(-1)
            # The square root has no derivative where two atoms coincide.
            distance = separation.clamp_min(torch.finfo(separation.dtype).tiny ** 0.5).sqrt()
            pair_u = uiso[particle, 0] if uiso.shape[1] == 1 else (uiso[particle, first] + uiso[particle, second]) / 2
            damping = PairBroadening(delta2=delta2[particle]).factor(distance) * pair_u
            wave = 2 * self.q * torch.sinc(distance[:, None] * (self.q / torch.pi))
            wave = wave * torch.exp(-damping[:, None] * self.q.square())
            if occupancies is not None:
                wave = wave * (occupancies[particle, first] * occupancies[particle, second])[:, None]
            return wave.new_zeros(batch, len(self.q)).index_add(0, particle, wave)

        total = positions.new_zeros(batch, len(self.q))
        chunk = max(1, _CHUNK // len(self.q))
        for pairs in zip(*(index.split(chunk) for index in near_pairs(near, self.reach)), strict=True):
            # Recomputed on the way back, so that memory stays that of one chunk.
            total = total + (
                checkpoint(share, *pairs, use_reentrant=False) if torch.is_grad_enabled() else share(*pairs)
            )
        return total

    def _histogram(self, near: NearAtoms) -> Float[Tensor, "batch bins"]:
        width = bin_width(self.qmax)
        return distance_histogram(near.positions, near.occupancies, min(self.reach, near.extent + width), width)

    def _binned(self, histogram: Tensor, uiso: Tensor, delta2: Tensor) -> Float[Tensor, "batch q"]:
        """F(Q)·N from the histogram of distances."""
        distances, waves = (table[: histogram.shape[1]] for table in self._waves)
        if not (delta2.requires_grad or delta2.any()):
            return histogram @ waves * torch.exp(-uiso * self.q.square())

        def share(row: Tensor, u: Tensor, d2: Tensor) -> Float[Tensor, "rows q"]:
            damping = PairBroadening(delta2=d2).factor(distances.abs()) * u
            return row @ (waves * torch.exp(-damping[:, None] * self.q.square()))

        if len(uiso) == len(delta2) == 1:
            return share(histogram, uiso[0], delta2[0])
        # One kernel for each particle, kept only while it is used.
        rows = zip(histogram, uiso.expand(len(histogram), 1), delta2.expand(len(histogram), 1), strict=True)
        return torch.stack([checkpoint(share, *row, use_reentrant=False) for row in rows])

    @cached_property
    def _waves(self) -> tuple[Float[Tensor, " bins"], Float[Tensor, "bins q"]]:
        """Distances of the bins, and what an undamped pair at each adds to F(Q)·N."""
        with torch.inference_mode(False):
            distances = bin_centres(self.reach, bin_width(self.qmax), self.q)
            return distances, pair_kernel(distances, self.q, 0.0, PairBroadening())

    @lru_cache(maxsize=8)  # noqa: B019 - models are few, and so are the values held fixed during a search
    def _response(self, biso: float, delta2: float) -> Float[Tensor, "bins r"]:
        """What a pair at the distance of each bin adds to G(r)·N, undamped, where B and delta2 are numbers."""
        distances, _ = self._waves
        with torch.inference_mode(False), torch.no_grad():
            kernel = pair_kernel(distances, self.q, biso / B_PER_U, PairBroadening(delta2=delta2))
            return kernel @ self.transform


def _choose(method: str, positions: Tensor, biso: Tensor) -> str:
    common = biso.shape[1] == 1
    if method == "auto":
        return "histogram" if common and positions.dtype == torch.float32 else "direct"
    if method == "direct" or (method == "histogram" and common):
        return method
    raise ValueError(f"method {method!r}: needs auto, direct or, with a B common to all atoms, histogram")


def _per_particle(
    name: str, value: float | Tensor, positions: Tensor, per_atom: bool = False
) -> Float[Tensor, "batch_or_1 atoms_or_1"]:
    batch, atoms = positions.shape[:2]
    tensor = value.to(positions) if isinstance(value, Tensor) else positions.new_tensor(value)
    if tensor.ndim == 2 and per_atom and tensor.shape == (batch, atoms):
        return tensor
    if tensor.numel() == 1 or tensor.shape == (batch,):
        return tensor.reshape(-1, 1)
    wanted = f"a number or ({batch},)" + f" or ({batch}, {atoms})" * per_atom
    raise ValueError(f"{name} has shape {tuple(tensor.shape)}: needs {wanted}")
