"""PDFs with the errors that a measurement has, of strengths that are known: for stand-ins, tests and figures."""

from dataclasses import dataclass, fields, replace
from math import inf, isfinite

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from deepstruc_lib.files import PDF
from deepstruc_lib.particles.recipes import Recipe
from deepstruc_lib.particles.size_series import LARGEST_SPREAD, SizeSeries, size_series
from deepstruc_lib.particles.surface import adsorbed, relaxed, surface_count
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.scattering.noise import NOISE_RANGE, add_noise, add_ripple
from deepstruc_lib.scattering.settings import B_PER_U

# Streams of one seed, so that no error changes the draws of another; the noise has the seed itself.
_DISORDER, _LIGANDS = 1, 2


@dataclass(frozen=True)
class MeasuredErrors:
    """How strong each error of a measured PDF is; all zero, the default, is the PDF of the perfect particle.

    Args:
        noise: Rms of the counting noise over 2–20 Å, as a share of the highest peak of G there: 0.01 is 1 % noise.
        noise_element: Whose form factor makes the noise grow as Q/f(Q)²; as Q where None (see `counting_noise`).
        ripple: Amplitude of a wave that does not end, as a share of the same peak.
        ripple_period: Of that wave, Å; 0.334 Å in the platinum measurements.
        ligands: Atoms on the surface for each atom of the surface; about one for a thiolate's sulfur.
        ligand_distance: From the nearest atom of the particle, Å; 2.35 Å for sulfur on gold.
        ligand_weight: Scattering power of such an atom relative to the particle's, the same at every Q: 16/79 for
            sulfur on gold, 1 for the gold of staples.
        ligand_biso: B = 8π²U of these atoms, Å².
        surface_strain: Relative change of the outermost {111} layer spacing; negative is a contraction.
        disorder: Standard deviation of a fixed displacement of every coordinate, Å; the same in all particles of the
            sample, so that no B can stand for it.
        size_spread: Standard deviation of the diameter relative to its mean, up to 0.2; the number of atoms is
            then a mean.
        qdamp_error: The true Q_damp minus the stated one, Å⁻¹.

    Raises:
        ValueError: A strength is not finite, or negative where only surface_strain and qdamp_error may be.
    """

    noise: float = 0.0
    noise_element: str | None = None
    ripple: float = 0.0
    ripple_period: float = 0.334
    ligands: float = 0.0
    ligand_distance: float = 2.35
    ligand_weight: float = 16 / 79
    ligand_biso: float = 2.0
    surface_strain: float = 0.0
    disorder: float = 0.0
    size_spread: float = 0.0
    qdamp_error: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "noise_element":
                continue
            lowest = -inf if field.name in ("surface_strain", "qdamp_error") else 0
            if not (isfinite(value) and value >= lowest):
                raise ValueError(f"{field.name} = {value}: needs a finite number{', zero or more' * (lowest == 0)}")
        if self.size_spread > LARGEST_SPREAD:
            raise ValueError(f"size_spread = {self.size_spread}: needs at most {LARGEST_SPREAD}")
        if self.ripple_period == 0 or self.ligand_distance == 0:
            raise ValueError("ripple_period or ligand_distance is zero: needs a length in Å")


@dataclass(frozen=True, eq=False)
class MeasuredLike:
    """A PDF with errors, and the truth that it hides.

    Args:
        pdf: What a solver gets to see.
        errors: Their strengths.
        seed: Of their draws.
        n_atoms: Number of atoms of the particle, without ligands; the mean where sizes are spread.
        positions: Of the particle of mean size, strained and disordered, Å.
        ligands: Places of the atoms on its surface, Å.
        sizes: Numbers of atoms of the particles in the sample.
        shares: Share of the particles that have each.
        signal: G(r) without noise and ripple, Å⁻².
    """

    pdf: PDF
    errors: MeasuredErrors
    seed: int
    n_atoms: float
    positions: Float[ndarray, "atoms 3"]
    ligands: Float[ndarray, "ligands 3"]
    sizes: Int[ndarray, " sizes"]
    shares: Float[ndarray, " sizes"]
    signal: Float[ndarray, " r"]


def measured_like(
    particle: Recipe | Float[ndarray, "atoms 3"],
    settings: PDFSettings,
    errors: MeasuredErrors,
    seed: int = 0,
    *,
    bond_length: float | None = None,
    composition: str | None = None,
) -> MeasuredLike:
    """The PDF that a sample of imperfect particles would show in an imperfect measurement.

    F(Q) of a sample of particles is the mean of their F(Q), weighted with the number of atoms in each. It is divided
    by the scattering power of all atoms in sum; the scale of a measured PDF is free in any case. U of each pair is
    the mean of its two atoms', so that ligands may move more than the metal.

    Args:
        particle: A recipe, or positions in Å (which allow no spread of sizes).
        settings: Q range, grid, B and correlated motion; and Q_damp as the measurement states it.
        errors: What is wrong, and how much.
        seed: Of disorder, ligands and noise; each has draws of its own.
        bond_length: Of a recipe, Å.
        composition: Sum formula that the PDF states, such as "Pt".

    Raises:
        ValueError: A recipe without bond length, positions with a spread of sizes, or errors that cannot be made.
    """
    series, scale = _series(particle, bond_length, errors.size_spread)
    true_settings = settings.replace(qdamp=settings.qdamp + errors.qdamp_error)
    displaced = errors.disorder * np.random.default_rng([seed, _DISORDER]).normal(size=series.positions.shape)

    def member(size: int) -> tuple[ndarray, ndarray]:
        core = scale * series.positions[:size]
        if errors.surface_strain and size > 1:
            core = relaxed(core, errors.surface_strain)
        core = core + displaced[:size]
        count = round(errors.ligands * surface_count(core)) if errors.ligands and size > 1 else 0
        return core, adsorbed(core, count, errors.ligand_distance, np.random.default_rng([seed, _LIGANDS]))

    total, power = np.zeros(len(settings.r)), 0.0
    for size, share in zip(series.sizes.tolist(), series.shares, strict=True):
        core, ligands = member(size)
        weight = share * (len(core) + errors.ligand_weight * len(ligands))
        total += weight * _signal(core, ligands, true_settings, errors)
        power += weight
    signal = total / power
    r, qmin, qmax = settings.r, settings.qmin, settings.qmax
    # Noise first: its strength refers to the signal alone, and so does that of the ripple.
    g = add_noise(signal, r, errors.noise, qmin=qmin, qmax=qmax, seed=seed, element=errors.noise_element)
    g = g + add_ripple(signal, r, errors.ripple, errors.ripple_period, qmin=qmin, qmax=qmax) - signal
    pdf = PDF(r, g, qmin=qmin, qmax=qmax, qdamp=settings.qdamp, composition=composition, mode="xray")
    positions, ligands = member(series.own_size)
    return MeasuredLike(pdf, errors, seed, series.mean_atoms, positions, ligands, series.sizes, series.shares, signal)


def noisy(
    pdf: PDF,
    noise: float,
    seed: int = 0,
    *,
    r_range: tuple[float, float] = NOISE_RANGE,
    element: str | None = None,
) -> PDF:
    """The PDF with counting noise whose rms over r_range (Å) is this share of the highest peak of G there.

    Raises:
        ValueError: The PDF has no Q range, or see `add_noise`.
    """
    if pdf.qmin is None or pdf.qmax is None:
        raise ValueError("the PDF has no Q range: needs qmin and qmax in Å⁻¹")
    g = add_noise(pdf.g, pdf.r, noise, qmin=pdf.qmin, qmax=pdf.qmax, seed=seed, r_range=r_range, element=element)
    return replace(pdf, g=g)


def _series(particle: Recipe | ndarray, bond_length: float | None, spread: float) -> tuple[SizeSeries, float]:
    if isinstance(particle, Recipe):
        if bond_length is None:
            raise ValueError(f"{particle.name} without a bond length: needs one in Å")
        return size_series(particle, spread), bond_length
    if bond_length is not None or spread:
        raise ValueError("positions with a bond length or a spread of sizes: needs a recipe for these")
    positions = np.asarray(particle, dtype=float)
    return SizeSeries(positions, np.array([len(positions)]), np.ones(1), len(positions)), 1.0


def _signal(core: ndarray, ligands: ndarray, settings: PDFSettings, errors: MeasuredErrors) -> Float[ndarray, " r"]:
    """G(r) of one particle: pairs within the metal, across and among the ligands, each with a U of their own."""

    def pairs(positions: ndarray, biso: float) -> ndarray:
        if len(positions) < 2:
            return np.zeros(len(settings.r))
        moving = torch.from_numpy(positions)
        return len(positions) * simulate(moving, settings, uiso=biso / B_PER_U, method="histogram").numpy()

    metal = pairs(core, settings.biso)
    if not len(ligands):
        return metal / len(core)
    weight, mean = errors.ligand_weight, (settings.biso + errors.ligand_biso) / 2
    across = pairs(np.concatenate([core, ligands]), mean) - pairs(core, mean) - pairs(ligands, mean)
    total = metal + weight * across + weight**2 * pairs(ligands, errors.ligand_biso)
    return total / (len(core) + weight * len(ligands))
