"""A trained network of the MLG paper as a proposer: at the mean of its prior, and at samples of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.distance import pdist
from torch import Tensor

from deepstruc_lib.files import PDF
from deepstruc_lib.files.structures import CLOSEST_ATOMS
from deepstruc_lib.models.cards import Card
from deepstruc_lib.models.contract import Answer, LatentDistribution, Proposal
from deepstruc_lib.models.mlg.generate import checked_prior, structures
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder, CVAEConfig
from deepstruc_lib.models.mlg.storage import load_network
from deepstruc_lib.models.novelty import Novelty, load_novelty
from deepstruc_lib.models.reading import check_readable, on_grid, unlike_conditions

# Structures that are trilaterated at once: 300 MB of distances.
_BATCH = 256


@dataclass(frozen=True, eq=False)
class MLGModel:
    """A network with its weights, ready for inference.

    Args:
        name: Of the released model, or of the folder it was trained in.
        card: The record stored beside the weights.
        network: In evaluation mode, on the CPU.
        novelty: What tells PDFs that are unlike those of the training, where it is stored.
        folder: Where they are.
    """

    name: str
    card: Card
    network: ConditionalAutoencoder
    novelty: Novelty | None
    folder: Path

    def propose(self, pdfs: Sequence[PDF], *, samples: int = 0, seed: int = 0) -> list[Answer]:
        """The structure at the mean of the prior, then those at samples of it; what has atoms too near is left out.

        A PDF's answer does not depend on the others. A deterministic autoencoder has no samples.

        Raises:
            ValueError: As `Proposer.propose`.
        """
        if samples < 0:
            raise ValueError(f"samples {samples}: needs 0 or more")
        if not pdfs:
            return []
        prior, offsets = self.prior(pdfs), self._offsets(samples, seed)
        points = prior.mean[:, None] + prior.sigma[:, None] * offsets
        made = self.decode(points.reshape(-1, points.shape[-1]))
        sources = [f"{self.name}:mean", *(f"{self.name}:sample {index + 1}" for index in range(samples))]
        curve_unlike = self.novelty.unlike(pdfs) if self.novelty else [()] * len(pdfs)
        answers = []
        for row, pdf in enumerate(pdfs):
            own = zip(made[row * len(offsets) : (row + 1) * len(offsets)], sources, strict=False)
            proposals = tuple(Proposal(positions, source) for positions, source in own if _apart(positions))
            answers.append(Answer(proposals, unlike=unlike_conditions(pdf, self.card.reads) + curve_unlike[row]))
        return answers

    def _offsets(self, samples: int, seed: int) -> Float[ndarray, "points latent"]:
        """Of the proposals from the mean, in units of σ: none for the first; the same for every PDF."""
        latent = self.network.config.latent
        drawn = 0 if self.network.config.kind == "dae" else samples
        noise = torch.randn((drawn, latent), generator=torch.Generator().manual_seed(seed))
        return torch.cat([torch.zeros(1, latent), noise]).numpy()

    @torch.no_grad()
    def prior(self, pdfs: Sequence[PDF]) -> LatentDistribution:
        """p(z|x) of each PDF.

        Raises:
            ValueError: As `propose`.
        """
        found = checked_prior(self.network, self._curves(pdfs))
        sigma = torch.zeros_like(found.mean) if self.network.config.kind == "dae" else found.stddev
        return LatentDistribution(found.mean.numpy(), sigma.numpy())

    def decode(self, latent: Float[ndarray, "points latent"]) -> list[Float[ndarray, "_ 3"]]:
        """Positions, in Å, of the structure at each point."""
        batches = (structures(self.network, z) for z in torch.from_numpy(latent).float().split(_BATCH))
        return [made[index].numpy() for made in batches for index in range(len(made))]

    def _curves(self, pdfs: Sequence[PDF]) -> Float[Tensor, "pdfs r"]:
        for pdf in pdfs:
            check_readable(pdf)
        return torch.from_numpy(np.stack([on_grid(pdf, self.card.reads) for pdf in pdfs])).float()


def _apart(positions: Float[ndarray, "atoms 3"]) -> bool:
    return bool(pdist(positions).min() >= CLOSEST_ATOMS)


def load(folder: Path, card: Card) -> MLGModel:
    """The network in a folder.

    Raises:
        ValueError: Card and weights are damaged, or not of one network.
    """
    try:
        config = CVAEConfig(**card.model)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{folder}: a damaged card ({error}): needs one that training wrote") from error
    return MLGModel(folder.resolve().name, card, load_network(folder, config), load_novelty(folder), folder)
