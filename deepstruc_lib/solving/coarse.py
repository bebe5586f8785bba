"""PDFs against many structures at once, over a grid of stretch and B: a fast, coarse ranking."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.histograms import Histograms, bins_up_to, distances_of
from deepstruc_lib.solving.target import FitTarget
from deepstruc_lib.solving.workers import workers

# Å². A cold metal, room temperature, a disordered surface.
MATCH_BISO = (0.3, 0.8, 2.0)
# Neighbouring stretches move the farthest pair by this part of a wave at qmax; a refinement from either still finds
# the minimum between them.
_WAVE_PER_STRETCH = 0.25
# The norm of a simulated curve hardly changes with the stretch: it is computed at every fourth and interpolated.
_NORM_EVERY = 4
# Structures and PDFs that are handled at once: some 30 MB each way.
_BLOCK, _PDFS = 1024, 64


@dataclass(frozen=True)
class Match:
    """Best point of the grid for each PDF and structure.

    Args:
        explained: Share of ΣG² that the scaled curve explains, 1 − Rw²; 0 where they do not correlate.
        stretch: Shortest distance of the structure, Å.
        biso: In Å².
    """

    explained: Float[ndarray, "pdfs structures"]
    stretch: Float[ndarray, "pdfs structures"]
    biso: Float[ndarray, "pdfs structures"]


@dataclass(frozen=True, eq=False)
class _Grid:
    """Stretches and B, and what turns a histogram into curves there.

    Args:
        target: Gives Q.
        stretches: Ascending, Å.
        bisos: In Å².
        bins: How many of a histogram count.
    """

    target: FitTarget
    stretches: Float[ndarray, " stretches"]
    bisos: Float[ndarray, " bisos"]
    bins: int

    def waves(self, stretch: float) -> Float[ndarray, "bins q"]:
        """The share of a pair in each bin in F(Q), undamped."""
        d = distances_of(self.bins) * stretch
        return np.sin(np.outer(d, self.target.q).astype(np.float32)) / d[:, None].astype(np.float32)

    def kernel(
        self, stretches: Float[ndarray, " some"], columns: Float[ndarray, "q columns"]
    ) -> Float[ndarray, "bins some*bisos*columns"]:
        """What takes a histogram to F(Q) @ columns at some stretches and every B."""
        damped = np.exp(-np.outer(self.bisos / B_PER_U, self.target.q**2)).T[:, :, None] * columns[:, None, :]
        damped = damped.reshape(len(columns), -1).astype(np.float32)
        return np.concatenate([self.waves(stretch) @ damped for stretch in stretches], axis=1)


def match(
    target: FitTarget,
    structures: Histograms,
    stretches: tuple[float, float],
    bisos: Sequence[float] = MATCH_BISO,
    pdfs: Float[ndarray, "pdfs r"] | None = None,
) -> Match:
    """Correlates PDFs with every structure at every stretch and B, without correlated motion.

    The share of ΣG² that a curve explains is (Σ g·g_sim)²/(Σg² Σg_sim²). Its numerator is a sum over the pairs of how
    well G fits each distance, so that one small matrix takes histograms to the numerators of all stretches and B.

    Args:
        target: Gives Q range, r grid and damping, and the PDF where `pdfs` is None.
        structures: In units of their shortest distances.
        stretches: Lowest and highest shortest distance, Å.
        bisos: In Å².
        pdfs: G(r) of many PDFs on the target's thinned grid.

    Raises:
        ValueError: The stretches are not positive and ascending.
    """
    low, high = stretches
    if not 0 < low <= high:
        raise ValueError(f"stretches {low} to {high}: needs 0 < low ≤ high")
    longest = min(target.longest / low, structures.longest)
    between = _stretch_grid(low, high, min(target.longest, longest * high), target.qmax)
    grid = _Grid(target, between, np.asarray(bisos), bins_up_to(longest))
    matrix, projection = target.compressed
    measured = np.atleast_2d(target.points if pdfs is None else pdfs)
    blocks = [range(first, min(first + _BLOCK, len(structures))) for first in range(0, len(structures), _BLOCK)]
    with workers() as pool:
        norms = _norms(grid, structures, blocks, matrix, pool)
        parts = []
        for first in range(0, len(measured), _PDFS):
            some = measured[first : first + _PDFS]
            kernel = grid.kernel(grid.stretches, matrix @ (some @ projection).T)

            def best(block, norm, kernel=kernel, some=some):
                overlap = structures.block(block, grid.bins) @ kernel
                return _best(grid, overlap.reshape(*norm.shape, len(some)), norm)

            parts.append(np.concatenate(list(pool.map(best, blocks, norms)), axis=2))
    explained, stretch, biso = np.concatenate(parts, axis=1)
    return Match(explained / np.sum(measured**2, axis=1, keepdims=True), stretch, biso)


def _stretch_grid(low: float, high: float, farthest: float, qmax: float) -> ndarray:
    """Equal ratios, fine enough for the farthest pair (Å)."""
    ratio = _WAVE_PER_STRETCH * 2 * np.pi / (qmax * farthest)
    return np.geomspace(low, high, int(np.ceil(np.log(high / low) / ratio)) + 1)


def _norms(grid: _Grid, structures: Histograms, blocks: Sequence[range], matrix: ndarray, pool) -> list[ndarray]:
    """Σg² of the simulated curves of each block: structures × stretches × bisos."""
    count = len(grid.stretches)
    places = np.unique([*range(0, count, _NORM_EVERY), count - 1])
    kernel = grid.kernel(grid.stretches[places], matrix)
    above = np.clip(np.searchsorted(places, np.arange(count)), 1, None) if count > 1 else np.zeros(1, dtype=int)
    below = np.maximum(above - 1, 0)
    step = np.maximum(places[above] - places[below], 1)
    weight = ((np.arange(count) - places[below]) / step).astype(np.float32)[:, None]

    def norm(block: range) -> ndarray:
        curves = structures.block(block, grid.bins) @ kernel
        curves = curves.reshape(len(block), len(places), len(grid.bisos), -1)
        squares = np.einsum("nsbk,nsbk->nsb", curves, curves)
        return (1 - weight) * squares[:, below] + weight * squares[:, above]

    return list(pool.map(norm, blocks))


def _best(grid: _Grid, overlap: ndarray, norm: ndarray) -> Float[ndarray, "3 pdfs structures"]:
    """What is explained at the best point of the grid, and its stretch and B."""
    explained = np.maximum(overlap, 0) ** 2 / norm[..., None]
    flat = explained.reshape(len(norm), -1, overlap.shape[-1])
    place = flat.argmax(axis=1)
    most = np.take_along_axis(flat, place[:, None], axis=1)[:, 0]
    stretch, biso = np.divmod(place, len(grid.bisos))
    return np.stack([most, grid.stretches[stretch], grid.bisos[biso]]).transpose(0, 2, 1)
