"""The MLG paper's networks in one: a conditional variational autoencoder, or without noise a deterministic one.

Architecture after doi:10.26434/chemrxiv.12662222.v1, section 4.1.
"""

from dataclasses import asdict, dataclass
from math import log
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from deepstruc_lib.geometry.trilateration import linear_positions
from deepstruc_lib.geometry.unit_sphere import satellites
from deepstruc_lib.models.mlg.dataset import Particles
from deepstruc_lib.models.mlg.layers import gated_convolutions, perceptron
from deepstruc_lib.scattering import PRESETS, simulate

# Radius that an untrained network predicts, Å.
_TYPICAL_RADIUS = 5.0
# Logarithms of the smallest and the largest radius in Å whose PDF is worth a simulation.
_LOG_RADII = (log(2.0), log(12.0))
# PDFs are simulated for every tenth particle of a batch: they are the costly part.
_PDF_EVERY = 10


@dataclass(frozen=True)
class CVAEConfig:
    """Everything that fixes the network and its loss.

    Args:
        kind: "cvae", or "dae": no noise, and the squared distance of the two latent vectors instead of the divergence.
        latent: Dimension H of the latent space.
        n_satellites: Number of satellites.
        n_atoms: Rows of the output: the largest particle.
        n_points: Points of the PDF.
        encoder: Widths of the hidden layers that read an atom's row.
        prior: Widths of the hidden layers that read the PDF.
        upsampling: Channels on the way from the PDF to the features that each atom's row gets of it.
        decoder: Widths of the hidden layers between latent vector and rows.
        rank: The decoder's last layer is a product of two matrices of this rank, where it is not 0.
        beta: Weight of the regularisation. β = 2τ²: one nat of divergence costs as much as two distances, in units of
            the radius, that are wrong by τ.
        hybrid: Share of the reconstruction that is asked of latent vectors from the prior, as they are when structures
            are generated, not from the posterior: the hybrid objective of Sohn, Lee and Yan (NeurIPS 2015).
        pdf_weight: Weight of the difference between the PDF and that of the decoded structure.
    """

    kind: Literal["cvae", "dae"] = "cvae"
    latent: int = 2
    n_satellites: int = 11
    n_atoms: int = 93
    n_points: int = 300
    encoder: tuple[int, ...] = (384, 256, 128)
    prior: tuple[int, ...] = (48, 24)
    upsampling: tuple[int, ...] = (48, 24, 12)
    decoder: tuple[int, ...] = (128, 256, 384, 512)
    rank: int = 0
    beta: float = 1.0
    hybrid: float = 0.0
    pdf_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("encoder", "prior", "upsampling", "decoder"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.kind not in ("cvae", "dae"):
            raise ValueError(f"kind {self.kind!r}: needs cvae or dae")
        if not (self.beta >= 0 and 0 <= self.hybrid < 1 and self.pdf_weight >= 0):
            given = f"beta {self.beta}, hybrid {self.hybrid}, pdf_weight {self.pdf_weight}"
            raise ValueError(f"{given}: needs 0 or more, and hybrid below 1")

    def as_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self)


class Decoded(NamedTuple):
    """What the decoder says of a particle.

    Args:
        rows: Distances as in Particles, of dummies too, where they mean nothing.
        presence: Logit of each row being an atom.
        log_radius: Natural logarithm of the radius in Å.
    """

    rows: Float[Tensor, "batch atoms features"]
    presence: Float[Tensor, "batch atoms"]
    log_radius: Float[Tensor, " batch"]


class ConditionalAutoencoder(nn.Module):
    """PDF x and structure s → latent z → structure; without the structure, z comes from the prior p(z|x)."""

    def __init__(self, config: CVAEConfig) -> None:
        super().__init__()
        self.config = config
        features = config.n_atoms + config.n_satellites
        self.register_buffer("satellites", torch.tensor(satellites(config.n_satellites), dtype=torch.float32))
        # Kernel 1 until the last, whose kernel as long as the particle gives each atom features of its own.
        self.upsample = gated_convolutions((config.n_points, *config.upsampling), config.n_atoms, transposed=True)
        self.encode_row = perceptron((features + 1 + config.upsampling[-1], *config.encoder, 2 * config.latent))
        self.pool = nn.Linear(config.n_atoms * 2 * config.latent + 1, 2 * config.latent)
        self.encode_pdf = gated_convolutions((config.n_points, *config.prior, 2 * config.latent))
        outputs = config.n_atoms * (features + 1) + 1
        self.decode_rows = perceptron((config.latent, *config.decoder, outputs))
        if config.rank:
            thin = nn.Linear(config.decoder[-1], config.rank, bias=False), nn.Linear(config.rank, outputs)
            self.decode_rows[-1] = nn.Sequential(*thin)

    def posterior(self, particles: Particles) -> Normal:
        """q(z|s, x): what the structure and its PDF say of z."""
        upsampled = self.upsample(_normalised(particles.pdf)[..., None]).mT
        rows = torch.cat([particles.rows, particles.present[..., None], upsampled], dim=-1)
        pooled = torch.cat([self.encode_row(rows).flatten(1), _centred(particles.log_radius)[:, None]], dim=1)
        return _gaussian(self.pool(pooled))

    def prior(self, pdf: Float[Tensor, "batch r"]) -> Normal:
        """p(z|x): what the PDF alone says of z."""
        return _gaussian(self.encode_pdf(_normalised(pdf)[..., None])[..., 0])

    def decode(self, z: Float[Tensor, "batch latent"]) -> Decoded:
        """The structure at z."""
        flat = self.decode_rows(z)
        rows = flat[:, :-1].unflatten(1, (self.config.n_atoms, -1))
        return Decoded(rows[..., :-1], rows[..., -1], flat[:, -1] + log(_TYPICAL_RADIUS))

    def forward(self, particles: Particles, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Terms of the loss, averaged over the batch; "loss" is what is minimised.

        What `reconstruction` charges, plus β KL(q(z|s, x) ‖ p(z|x)), or for the deterministic autoencoder β times the
        squared distance between the two means, plus the weighted difference of the PDFs if it has a weight. Noise
        comes from the generator.
        """
        posterior, prior, config = self.posterior(particles), self.prior(particles.pdf), self.config
        if config.kind == "cvae":
            regularisation = kl_divergence(posterior, prior).sum(1)
        else:
            regularisation = (posterior.mean - prior.mean).square().sum(1)
        sources = [(posterior, 1 - config.hybrid)] + [(prior, config.hybrid)] * (config.hybrid > 0)
        terms = {"regularisation": config.beta * regularisation.mean()}
        for source, share in sources:
            z = self.latent(source, generator)
            decoded = self.decode(z)
            parts = reconstruction(decoded, particles)
            if config.pdf_weight > 0:
                few = slice(None, None, _PDF_EVERY)
                seen = Decoded(*(part[few] for part in decoded))
                parts["pdf"] = config.pdf_weight * self.pdf_difference(seen, particles.own_pdf[few])
            for name, value in parts.items():
                terms[name] = terms.get(name, 0) + share * value
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def latent(self, source: Normal, generator: torch.Generator | None) -> Float[Tensor, "batch latent"]:
        """A sample; of the deterministic autoencoder the mean."""
        if self.config.kind == "dae":
            return source.mean
        noise = torch.randn(source.mean.shape, generator=generator, device=source.mean.device)
        return source.mean + source.stddev * noise

    def pdf_difference(self, decoded: Decoded, pdf: Float[Tensor, "batch r"]) -> Float[Tensor, ""]:
        """Difference D between PDFs and those of the decoded structures, as the mean of D/(1 + D); differentiable.

        D is the mean squared difference, in Å⁻⁴. A structure that is still far off would have a huge one, whose
        gradient leads nowhere: so it is bounded (Geman and McClure's estimator), as are the places of the atoms. These
        are found by the satellites alone, which is linear, and each counts with the probability that it exists.
        """
        unit = linear_positions(decoded.rows[..., self.config.n_atoms :], self.get_buffer("satellites"))
        radius = decoded.log_radius.clamp(*_LOG_RADII).exp()
        positions = unit.clamp(-1, 1) * radius[:, None, None]
        simulated = simulate(positions, PRESETS["mlg"], occupancies=decoded.presence.sigmoid(), transform="diffpy")
        difference = (simulated - pdf).square().mean(1)
        return (difference / (1 + difference)).mean()


def reconstruction(decoded: Decoded, particles: Particles) -> dict[str, Tensor]:
    """Squared error of the distances and the radius, cross entropy of presence: summed over the features.

    The distances of dummies are masked.

    Scaling all distances by 1 + ε costs the same as an error of ε in the logarithm of the radius. Rows and radius are
    charged separately, as if their errors were independent.
    """
    n_satellites = particles.rows.shape[2] - particles.rows.shape[1]
    columns = functional.pad(particles.present, (0, n_satellites), value=1.0)
    mask = particles.present[:, :, None] * columns[:, None, :]
    squared = ((decoded.rows - particles.rows).square() * mask).sum((1, 2))
    lever = particles.rows.square().sum((1, 2))
    radius = lever * (decoded.log_radius - particles.log_radius).square()
    presence = functional.binary_cross_entropy_with_logits(decoded.presence, particles.present, reduction="none")
    return {"distances": squared.mean(), "radius": radius.mean(), "presence": presence.sum(1).mean()}


def _normalised(pdf: Tensor) -> Tensor:
    """Measured PDFs come at any scale."""
    return pdf / pdf.amax(-1, keepdim=True)


def _centred(log_radius: Tensor) -> Tensor:
    return log_radius - log(_TYPICAL_RADIUS)


def _gaussian(parameters: Tensor) -> Normal:
    mean, log_sigma = parameters.chunk(2, dim=-1)
    # What is not finite is refused with the loss, by the epoch it came in.
    return Normal(mean, log_sigma.exp(), validate_args=False)
