"""Many PDFs against many shapes at once, over a grid of stretch and B: a fast, coarse ranking."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deepstruc_lib.scattering.displacement import PairBroadening
from deepstruc_lib.scattering.histogram import bin_centres, bin_distances, bin_width, pair_kernel
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.pairs import DistanceList
from deepstruc_lib.solving.target import FitTarget

# Å². A cold metal, room temperature, a disordered surface.
MATCH_BISO = (0.3, 0.8, 2.0)
# Neighbouring stretches move the farthest pair by this part of a wave at qmax; a refinement from either still finds
# the minimum between them.
_WAVE_PER_STRETCH = 0.25


@dataclass(frozen=True)
class Match:
    """Best point of the grid for each PDF and shape.

    Args:
        explained: Share of ΣG² that the scaled curve explains, 1 − Rw²; 0 where they do not correlate.
        stretch: Of the shape's distances.
        biso: In Å².
    """

    explained: Float[np.ndarray, "pdfs shapes"]
    stretch: Float[np.ndarray, "pdfs shapes"]
    biso: Float[np.ndarray, "pdfs shapes"]


def match(
    target: FitTarget,
    shapes: Sequence[DistanceList],
    stretches: tuple[float, float],
    bisos: Sequence[float] = MATCH_BISO,
    pdfs: Float[np.ndarray, "pdfs r"] | None = None,
) -> Match:
    """Correlates PDFs with every shape at every stretch and B, without correlated motion.

    The distances of all shapes are binned once; a stretch only changes the kernel that the bins are multiplied with.

    Args:
        target: Gives Q range, r grid and damping, and the PDF where `pdfs` is None.
        shapes: Distances in any unit.
        stretches: Lowest and highest factor from that unit to Å.
        bisos: In Å².
        pdfs: G(r) of many PDFs on the target's thinned grid.

    Raises:
        ValueError: The stretches are not positive and ascending.
    """
    low, high = stretches
    if not 0 < low <= high:
        raise ValueError(f"stretches {low} to {high}: needs 0 < low ≤ high")
    longest = min(target.longest / low, max(shape.distances[-1] for shape in shapes))
    grid = _stretch_grid(low, high, min(target.longest, longest * high), target.qmax)
    q, matrix = (torch.from_numpy(array).float() for array in (target.q, target.matrix))
    measured = torch.tensor(np.atleast_2d(target.points if pdfs is None else pdfs), dtype=torch.float32)
    distances, counts = _rows(shapes, longest, bin_width(target.qmax * high))
    decays = torch.exp(-q.square() * torch.tensor(bisos, dtype=q.dtype)[:, None] / B_PER_U)
    best = torch.zeros(3, len(measured), len(shapes))
    best[1:] = torch.tensor([low, bisos[0]])[:, None, None]
    for stretch in grid:
        inside = int(torch.searchsorted(distances, target.longest / stretch))
        f = counts[:, :inside] @ pair_kernel(distances[:inside] * stretch, q, 0.0, PairBroadening())
        for biso, decay in zip(bisos, decays, strict=True):
            explained = _explained(measured, f * decay @ matrix)
            better = explained > best[0]
            found = torch.tensor([stretch, biso], dtype=q.dtype)[:, None].expand(2, int(better.sum()))
            best[:, better] = torch.cat([explained[better][None], found])
    explained, stretch, biso = best.double().numpy()
    return Match(explained / measured.square().sum(1, keepdim=True).numpy(), stretch, biso)


def _stretch_grid(low: float, high: float, farthest: float, qmax: float) -> np.ndarray:
    """Equal ratios, fine enough for the farthest pair (Å)."""
    ratio = _WAVE_PER_STRETCH * 2 * np.pi / (qmax * farthest)
    return np.geomspace(low, high, int(np.ceil(np.log(high / low) / ratio)) + 1)


def _rows(
    shapes: Sequence[DistanceList], longest: float, width: float
) -> tuple[Float[Tensor, " rows"], Float[Tensor, "shapes rows"]]:
    """Distances, ascending, and how many pairs an atom of each shape has there: of bins, or of the shapes if fewer."""
    lists = [shape.up_to(longest) for shape in shapes]
    if sum(len(shape.distances) for shape in lists) < longest / width:
        distances = torch.tensor(np.concatenate([shape.distances for shape in lists]), dtype=torch.float32)
        counts = torch.block_diag(*(torch.tensor(shape.counts / shape.atoms)[None].float() for shape in lists))
        order = distances.argsort()
        return distances[order], counts[:, order]
    binned = [
        bin_distances(torch.tensor(shape.distances), torch.tensor(shape.counts / shape.atoms), longest, width)
        for shape in lists
    ]
    counts = torch.stack(binned).float()
    return bin_centres(longest, width, counts), counts


def _explained(measured: Tensor, simulated: Tensor) -> Tensor:
    """Σg² that each simulated curve explains with its best positive scale, for each measured one."""
    return (measured @ simulated.T).clamp_min(0).square() / simulated.square().sum(1)
