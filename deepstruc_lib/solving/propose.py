"""What a network proposes for a measured PDF, each proposal refined against it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.distance import pdist

from deepstruc_lib.files import PDF
from deepstruc_lib.files.structures import CLOSEST_ATOMS
from deepstruc_lib.models import generate
from deepstruc_lib.models.conditions import RANGES
from deepstruc_lib.models.mlg.experiments import SETTINGS
from deepstruc_lib.models.mlg.proposer import MLGModel
from deepstruc_lib.particles import distance_list
from deepstruc_lib.scattering import PDFSettings
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, Fit, fit
from deepstruc_lib.solving.index import Shape
from deepstruc_lib.solving.target import FitTarget
from deepstruc_lib.solving.workers import workers

log = logging.getLogger(__name__)

# Root mean square difference of two sorted distance lists, relative to the distances' own root mean square, up to
# which they are one shape. Errors of 0.05 Å in the coordinates of 43 to 93 atoms make less; of the 144 pairs of equal
# size among the 197 shapes all but two differ by more, and the nearest shape is taken.
SAME_SHAPE = 0.02


@dataclass(frozen=True, eq=False)
class Proposal:
    """A structure that a network proposed.

    Args:
        source: The network, and whether it was asked at the mean of its prior or for which sample.
        positions: In Å.
    """

    source: str
    positions: Float[ndarray, "atoms 3"]


@dataclass(frozen=True, eq=False)
class NetworkFit:
    """Proposals and their fits by rising Rw, and whether all were fitted."""

    fitted: tuple[tuple[Proposal, Fit], ...]
    complete: bool


def network_fit(
    pdf: PDF,
    model: MLGModel,
    *,
    samples: int = 20,
    seed: int = 0,
    r_range: tuple[float, float] | None = None,
    qdamp: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NetworkFit:
    """Asks a network for structures and refines each against the PDF as it was measured: scale, stretch, B, delta2.

    An interrupted run (Ctrl-C) returns what is refined so far.

    Args:
        pdf: Measured G(r) with its Q range.
        model: From `load_model`.
        samples: Of the network's prior, besides its mean.
        seed: Of the samples.
        r_range: First and last r of the fit, Å.
        qdamp: Overrides the file's, Å⁻¹.
        progress: Called with the number of proposals refined, and of all.

    Raises:
        ValueError: The data cannot be fitted, or no proposal is a particle.
    """
    target = FitTarget(pdf, r_range, qdamp)
    proposed = proposals(model, on_grid(pdf, SETTINGS, model.card.training["varied"] > 0), samples, seed)
    fits: list[Fit] = []
    with workers() as pool:
        try:
            for result in pool.map(partial(fit, target), [proposal.positions for proposal in proposed]):
                fits.append(result)
                if progress:
                    progress(len(fits), len(proposed))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            log.warning("interrupted after %d of %d proposals", len(fits), len(proposed))
            if not fits:
                raise
    pairs = sorted(zip(proposed, fits, strict=False), key=lambda pair: pair[1].rw)
    return NetworkFit(tuple(pairs), len(fits) == len(proposed))


def on_grid(pdf: PDF, settings: PDFSettings, varied: bool = False) -> Float[ndarray, " r"]:
    """G where a network reads it, zero outside of the measured range; says where the PDF differs from its training.

    Args:
        pdf: Measured.
        settings: The network's grid, and the conditions it learned from.
        varied: Whether it learned from varied conditions, too.
    """
    r = settings.r
    # A grid that leaves out its last point, or the zero at r = 0, still holds the whole range.
    slack = settings.rstep * 1.001
    if pdf.rmin > r[0] + slack or pdf.rmax < r[-1] - slack:
        log.warning(
            "the PDF reaches from %.4g to %.4g Å; the network reads %.4g to %.4g Å and gets zeros beyond",
            *(pdf.rmin, pdf.rmax, r[0], r[-1]),
        )
    own = {name: (getattr(settings, name),) * 2 for name in ("qmin", "qmax")}
    known = {name: RANGES[name] if varied else own[name] for name in own}
    if not all(low <= getattr(pdf, name) <= high for name, (low, high) in known.items()):
        log.warning(
            "the PDF is of Q from %.4g to %.4g Å⁻¹; the network learned from Qmin %g–%g, Qmax %g–%g and may do worse",
            *(pdf.qmin, pdf.qmax, *known["qmin"], *known["qmax"]),
        )
    inside = (r >= pdf.rmin) & (r <= pdf.rmax)
    g = np.zeros(len(r))
    g[inside] = pdf.regrid(r[inside]).g
    return g


def proposals(model: MLGModel, g: Float[ndarray, " r"], samples: int, seed: int) -> list[Proposal]:
    """Structures at the mean of the prior and at samples of it; of those with one shape only the first is kept.

    Raises:
        ValueError: In each of them atoms lie on top of each other, or the number of samples is negative.
    """
    if samples < 0:
        raise ValueError(f"samples {samples}: needs 0 or more")
    curves = torch.from_numpy(g).float()[None]
    made = [(f"{model.name}:mean", generate(model.network, curves)[0].numpy())]
    if samples:
        drawn = generate(model.network, curves.expand(samples, -1), torch.Generator().manual_seed(seed))
        made += [(f"{model.name}:sample {index + 1}", drawn[index].numpy()) for index in range(samples)]
    # The fit may bring atoms nearer by its lowest stretch.
    particles = [pair for pair in made if pdist(pair[1]).min() * DEFAULT_BOUNDS["stretch"][0] >= CLOSEST_ATOMS]
    if len(particles) < len(made):
        log.warning("in %d of %d proposals atoms lie on top of each other", len(made) - len(particles), len(made))
    if not particles:
        raise ValueError(f"{model.name} proposes no particle for this PDF: needs one more like those of its training")
    kept: list[Proposal] = []
    for source, positions in particles:
        if all(shape_difference(positions, other.positions) > SAME_SHAPE for other in kept):
            kept.append(Proposal(source, positions))
    return kept


def known_shape(positions: Float[ndarray, "atoms 3"], library: Sequence[Shape]) -> Shape | None:
    """The shape of a library that a particle has; None where it is like none of them."""
    alike = [shape for shape in library if shape.recipe.n_atoms == len(positions)]
    differences = [shape_difference(positions, shape.recipe.positions(1.0)) for shape in alike]
    if not alike or min(differences) > SAME_SHAPE:
        return None
    return alike[int(np.argmin(differences))]


def shape_difference(one: Float[ndarray, "_ 3"], other: Float[ndarray, "_ 3"]) -> float:
    """Root mean square difference of the sorted distances of two particles of one size; infinite for other numbers."""
    if len(one) != len(other):
        return np.inf
    first, second = (distances / np.sqrt(np.mean(distances**2)) for distances in map(distance_list, (one, other)))
    return float(np.sqrt(np.mean((first - second) ** 2)))
