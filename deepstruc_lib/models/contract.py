"""What everything that proposes structures has in common: PDFs in, proposals and estimates out.

`Proposer` is all that solving and evaluating need; `LatentProposer` adds what only models with a latent space can do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.files import PDF
from deepstruc_lib.models.cards import Card


@dataclass(frozen=True, eq=False)
class Proposal:
    """One structure that was proposed for a PDF.

    Args:
        positions: In Å.
        source: Who proposed it, and how: a model's name, then what tells its proposals apart.
        probability: That this is the structure, where the proposer knows one.
    """

    positions: Float[ndarray, "atoms 3"]
    source: str
    probability: float | None = None


@dataclass(frozen=True, eq=False)
class Distribution:
    """Probabilities of values, both in the same order; the probabilities add up to 1."""

    values: Float[ndarray, " values"]
    probabilities: Float[ndarray, " values"]

    def __post_init__(self) -> None:
        total = float(np.sum(self.probabilities))
        if len(self.values) != len(self.probabilities) or not np.isclose(total, 1):
            raise ValueError(f"{len(self.values)} values with probabilities that sum to {total:g}: needs a sum of 1")

    @property
    def mean(self) -> float:
        """Expected value."""
        return float(self.values @ self.probabilities)

    @property
    def likeliest(self) -> float:
        """The value of the highest probability."""
        return float(self.values[np.argmax(self.probabilities)])


@dataclass(frozen=True, eq=False)
class Estimates:
    """What a proposer knows of a particle besides coordinates; None where it knows nothing.

    Args:
        n_atoms: Number of atoms.
        diameter: Largest distance of two atoms, Å.
        motif: Probability of each motif.
    """

    n_atoms: Distribution | None = None
    diameter: Distribution | None = None
    motif: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a proposer says of one PDF.

    Args:
        proposals: The likeliest first; empty where it has no structure to offer.
        estimates: What it knows besides.
        unlike: How the PDF differs from those of the training, a short sentence for each difference.
    """

    proposals: tuple[Proposal, ...] = ()
    estimates: Estimates = field(default_factory=Estimates)
    unlike: tuple[str, ...] = ()


@runtime_checkable
class Proposer(Protocol):
    """Reads PDFs, each with its own Q range, grid and damping, and answers each with structures, possibly none.

    The same PDFs, number of samples and seed give the same answers.
    """

    @property
    def name(self) -> str:
        """Of the released model, or of the folder it was trained in."""
        ...

    @property
    def folder(self) -> Path:
        """Where its card and weights are."""
        ...

    @property
    def card(self) -> Card:
        """The record stored beside the weights."""
        ...

    def propose(self, pdfs: Sequence[PDF], *, samples: int = 0, seed: int = 0) -> list[Answer]:
        """One answer for each PDF.

        Args:
            pdfs: Measured or simulated.
            samples: How many further proposals are drawn at random, where the proposer can.
            seed: Of these.

        Raises:
            ValueError: A PDF has no Q range, or cannot be in Å; or the number of samples is negative.
        """
        ...


@dataclass(frozen=True, eq=False)
class LatentDistribution:
    """Independent Gaussians over the latent space, one a PDF; `sigma` is zero where the model has no noise."""

    mean: Float[ndarray, "pdfs latent"]
    sigma: Float[ndarray, "pdfs latent"]


@runtime_checkable
class LatentProposer(Proposer, Protocol):
    """A proposer whose structures come from points of a latent space, in which one can draw and walk."""

    def prior(self, pdfs: Sequence[PDF]) -> LatentDistribution:
        """What each PDF says of the latent vector; its mean is the PDF's place on a map."""
        ...

    def decode(self, latent: Float[ndarray, "points latent"]) -> list[Float[ndarray, "_ 3"]]:
        """Positions, in Å, of the structure at each point."""
        ...


def straight_walks(
    model: LatentProposer, starts: Sequence[PDF], ends: Sequence[PDF], steps: int = 11
) -> list[list[Float[ndarray, "_ 3"]]]:
    """Structures on the straight lines between the places of two PDFs, both ends included, for any latent model.

    Raises:
        ValueError: Fewer than two steps, or PDFs that the model cannot read.
    """
    points = straight_lines(model.prior(starts).mean, model.prior(ends).mean, steps)
    made = model.decode(points.reshape(-1, points.shape[-1]))
    return [made[first : first + steps] for first in range(0, len(made), steps)]


def straight_lines(
    starts: Float[ndarray, "walks latent"], ends: Float[ndarray, "walks latent"], steps: int
) -> Float[ndarray, "walks steps latent"]:
    """Points at equal steps from each start to its end.

    Raises:
        ValueError: Fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: needs two or more, the ends")
    along = np.linspace(0, 1, steps)[:, None]
    return starts[:, None] + along * (ends - starts)[:, None]
