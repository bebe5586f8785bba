"""From a PDF to structures: latent vectors of the prior, decoded, trilaterated, and given their size back."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributions import Normal

from deepstruc_lib.geometry import trilaterate
from deepstruc_lib.models.mlg.network import ConditionalAutoencoder
from deepstruc_lib.scattering import PDFSettings, simulate

# Even of a particle that the network is unsure of, the atom at the origin and the one nearest to it are kept.
_FEWEST_ATOMS = 2


@dataclass(frozen=True, eq=False)
class Structures:
    """Generated particles, padded.

    Args:
        positions: Å, zero beyond a particle's atoms; the first atom is nearest the centre.
        present: True for an atom.
        z: The latent vectors they were decoded from.
    """

    positions: Float[Tensor, "batch rows 3"]
    present: Bool[Tensor, "batch rows"]
    z: Float[Tensor, "batch latent"]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Float[Tensor, "atoms 3"]:
        """Positions of one particle's atoms, Å."""
        return self.positions[index][self.present[index]]

    @property
    def n_atoms(self) -> Tensor:
        """Number of atoms of each."""
        return self.present.sum(1)

    def pdfs(self, settings: PDFSettings) -> Float[Tensor, "batch r"]:
        """Their G(r), Å⁻²."""
        return simulate(self.positions, settings, occupancies=self.present.to(self.positions))


@torch.no_grad()
def structures(network: ConditionalAutoencoder, z: Float[Tensor, "batch latent"]) -> Structures:
    """The particles at latent vectors; no true size or number of atoms is used."""
    decoded, n_atoms = network.decode(z), network.config.n_atoms
    presence = decoded.presence.clone()
    presence[:, :_FEWEST_ATOMS] = 1
    present = presence > 0
    rows, points, log_radius = map(_exact, (decoded.rows, network.get_buffer("satellites"), decoded.log_radius))
    unit = trilaterate(rows[..., :n_atoms], rows[..., n_atoms:], points, present.to(rows.device))
    return Structures(unit * log_radius.exp()[:, None, None], present.to(rows.device), z)


def _exact(values: Tensor) -> Tensor:
    """In float64: on the CPU where the device (Apple's MPS) has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()


@torch.no_grad()
def generate(
    network: ConditionalAutoencoder, pdf: Float[Tensor, "batch r"], generator: torch.Generator | None = None
) -> Structures:
    """A particle for each PDF: at the mean of the prior, or with a generator at a sample of it.

    A deterministic autoencoder has no samples: it gives the mean either way.

    Raises:
        ValueError: The PDFs do not have the network's points, or one is not finite or nowhere positive.
    """
    prior = checked_prior(network, pdf)
    return structures(network, prior.mean if generator is None else network.latent(prior, generator))


def checked_prior(network: ConditionalAutoencoder, pdf: Float[Tensor, "batch r"]) -> Normal:
    """The prior p(z|x) of PDFs from outside.

    Raises:
        ValueError: As `generate`.
    """
    points = network.config.n_points
    if pdf.ndim != 2 or pdf.shape[1] != points:
        raise ValueError(f"PDFs of shape {tuple(pdf.shape)}: needs (PDFs, {points}), the network's r grid")
    if not pdf.isfinite().all():
        raise ValueError("a PDF holds NaN or infinity: needs G(r) in Å⁻²")
    if not (pdf.amax(1) > 0).all():
        raise ValueError("a PDF is nowhere positive: needs G(r) with peaks")
    return network.prior(pdf)
