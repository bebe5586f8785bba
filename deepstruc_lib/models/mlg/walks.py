"""Walks of a network through its latent space from one particle to another, with all that it decodes on the way."""

import torch
from jaxtyping import Float
from torch import Tensor

from deepstruc_lib.models.mlg.generate import Structures, checked_prior, structures
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder


def walk(
    network: ConditionalAutoencoder,
    start: Float[Tensor, " r"],
    end: Float[Tensor, " r"],
    steps: int = 11,
) -> Structures:
    """Structures on the straight line between the latent vectors of two PDFs, both ends included.

    Args:
        network: Decodes them.
        start: G(r) of particle A, Å⁻².
        end: G(r) of particle B.
        steps: How many structures.

    Raises:
        ValueError: Fewer than two steps.
    """
    return walks(network, start[None], end[None], steps)[0]


@torch.no_grad()
def walks(
    network: ConditionalAutoencoder,
    starts: Float[Tensor, "walks r"],
    ends: Float[Tensor, "walks r"],
    steps: int = 11,
) -> list[Structures]:
    """Many walks at once, as `walk` makes them.

    Raises:
        ValueError: Fewer than two steps, or PDFs that `generate` refuses.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: needs two or more, the ends")
    here, there = (checked_prior(network, pdfs).mean for pdfs in (starts, ends))
    way = torch.linspace(0, 1, steps)[:, None]
    z = here[:, None] + way * (there - here)[:, None]
    made = structures(network, z.flatten(0, 1))
    parts = zip(*(part.split(steps) for part in (made.positions, made.present, made.z)), strict=True)
    return [Structures(*part) for part in parts]
