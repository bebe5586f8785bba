"""A linear model as a proposer: the likeliest shapes at the bond lengths that the curve gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.files import PDF
from deepstruc_lib.models.cards import Card
from deepstruc_lib.models.contract import Answer, Distribution, Estimates, Proposal
from deepstruc_lib.models.linear.weights import LinearWeights, load_weights
from deepstruc_lib.models.novelty import Novelty, load_novelty
from deepstruc_lib.models.reading import check_readable, unlike_conditions
from deepstruc_lib.models.rescaled import rescaled_pdfs
from deepstruc_lib.particles import Recipe

# So many shapes are proposed, and beyond the first only those that are this likely.
_MOST, _LEAST_PROBABILITY = 5, 1e-3


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A linear model with its weights, ready for inference; it has nothing to draw at random.

    Args:
        name: Of the released model, or of the folder it was trained in.
        card: The record stored beside the weights.
        weights: Of the two regressions.
        novelty: What tells PDFs that are unlike those of the training, where it is stored.
        folder: Where they are.
    """

    name: str
    card: Card
    weights: LinearWeights
    novelty: Novelty | None
    folder: Path

    def propose(self, pdfs: Sequence[PDF], *, samples: int = 0, seed: int = 0) -> list[Answer]:
        """The likeliest shapes of each PDF with their probabilities; samples and seed change nothing.

        Raises:
            ValueError: As `Proposer.propose`.
        """
        if samples < 0:
            raise ValueError(f"samples {samples}: needs 0 or more")
        for pdf in pdfs:
            check_readable(pdf)
        if not pdfs:
            return []
        curves, first_peaks = rescaled_pdfs(pdfs)
        probabilities = self.weights.probabilities(curves)
        bond_lengths = self.weights.bond_lengths(curves, first_peaks)
        curve_unlike = self.novelty.unlike(pdfs) if self.novelty else [()] * len(pdfs)
        return [
            Answer(
                self._proposals(*row),
                self._estimates(*row),
                unlike_conditions(pdf, self.card.reads) + said,
            )
            for pdf, said, *row in zip(pdfs, curve_unlike, probabilities, bond_lengths, strict=True)
        ]

    def _proposals(
        self, probabilities: Float[ndarray, " shapes"], bond_lengths: Float[ndarray, " shapes"]
    ) -> tuple[Proposal, ...]:
        likeliest = np.argsort(-probabilities, kind="stable")[:_MOST]
        kept = [*likeliest[:1], *(shape for shape in likeliest[1:] if probabilities[shape] >= _LEAST_PROBABILITY)]
        return tuple(
            Proposal(
                Recipe.from_name(self.weights.shapes[shape]).positions(float(bond_lengths[shape])),
                f"{self.name}:{self.weights.shapes[shape]}",
                float(probabilities[shape]),
            )
            for shape in kept
        )

    def _estimates(
        self, probabilities: Float[ndarray, " shapes"], bond_lengths: Float[ndarray, " shapes"]
    ) -> Estimates:
        sizes, which = np.unique(self.weights.n_atoms, return_inverse=True)
        motifs: dict[str, float] = {}
        for name, probability in zip(self.weights.shapes, probabilities.tolist(), strict=True):
            motif = Recipe.from_name(name).motif
            motifs[motif] = motifs.get(motif, 0.0) + probability
        diameters = self.weights.diameters * bond_lengths
        order = np.argsort(diameters)
        return Estimates(
            n_atoms=Distribution(sizes, np.bincount(which, probabilities)),
            diameter=Distribution(diameters[order], probabilities[order]),
            motif=motifs,
        )


def load(folder: Path, card: Card) -> LinearModel:
    """The linear model in a folder.

    Raises:
        ValueError: Its files are damaged.
    """
    return LinearModel(folder.resolve().name, card, load_weights(folder), load_novelty(folder), folder)
