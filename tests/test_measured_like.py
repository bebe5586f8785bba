"""The sample has the particles, and its PDF the errors, that were asked for; nothing else changes."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from deepstruc_lib.corpora.measured_like import MeasuredErrors, measured_like, noisy
from deepstruc_lib.files import PDF
from deepstruc_lib.particles import Recipe
from deepstruc_lib.particles.size_series import size_series
from deepstruc_lib.particles.stacking import LAYER_SPACING
from deepstruc_lib.particles.surface import adsorbed, relaxed, surface_count
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.scattering.noise import NOISE_RANGE
from deepstruc_lib.scattering.settings import B_PER_U

SETTINGS = PDFSettings(qmin=1, qmax=22, qdamp=0.04, rmax=25, rstep=0.02, biso=0.8, delta2=3)
TRUTH = Recipe("TruncatedOctahedron", (6, 2))
BOND = 2.77
EVERY = MeasuredErrors(
    noise=0.01, ripple=0.005, ligands=0.5, surface_strain=-0.03, disorder=0.05, size_spread=0.1, qdamp_error=0.01
)
SERIES = [
    ("SC", (3, 3, 4)),
    ("FCC", (3, 4, 5)),
    ("BCC", (4, 4, 5)),
    ("HCP", (3, 4, 4)),
    ("Icosahedron", (3,)),
    ("Decahedron", (3, 2, 1)),
    ("TruncatedDecahedron", (4, 2, 0, 2)),
    ("Octahedron", (5,)),
    ("TruncatedOctahedron", (6, 2)),
    ("Sphere", ("hcp", "octahedral", 66)),
    ("TwinnedSphere", ("atom", 55)),
    ("FaultedSphere", ("atom", 56)),
]


def sample(recipe: Recipe = TRUTH, seed: int = 0, **errors):
    return measured_like(recipe, SETTINGS, MeasuredErrors(**errors), seed, bond_length=BOND)


def exact(positions: np.ndarray, settings: PDFSettings = SETTINGS, **more) -> np.ndarray:
    return simulate(torch.from_numpy(positions), settings, **more).numpy()


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def test_without_errors_it_is_the_pdf_of_the_particle():
    clean = sample()
    assert relative(clean.pdf.g, exact(TRUTH.positions(BOND))) < 1e-4
    assert relative(clean.pdf.g, exact(TRUTH.positions(BOND), method="histogram")) < 1e-12
    assert (clean.pdf.qmin, clean.pdf.qmax, clean.pdf.qdamp) == (1, 22, 0.04)
    assert clean.n_atoms == TRUTH.n_atoms
    np.testing.assert_array_equal(clean.positions, TRUTH.positions(BOND))


def test_a_seed_gives_the_same_sample_and_another_one_another():
    first, again = (measured_like(TRUTH, SETTINGS, EVERY, 3, bond_length=BOND) for _ in range(2))
    np.testing.assert_array_equal(first.pdf.g, again.pdf.g)
    other = measured_like(TRUTH, SETTINGS, EVERY, 4, bond_length=BOND)
    assert relative(other.pdf.g, first.pdf.g) > 0.01


@pytest.mark.parametrize("name", ["disorder", "ligands"])
def test_no_error_changes_the_draws_of_another(name):
    alone = sample(seed=2, **{name: getattr(EVERY, name)})
    together = sample(seed=2, **{name: getattr(EVERY, name)}, noise=0.02)
    np.testing.assert_array_equal(alone.signal, together.signal)
    np.testing.assert_allclose(noisy(alone.pdf, 0.02, 2).g, together.pdf.g, atol=1e-12)


def test_noise_is_a_share_of_the_highest_peak_of_the_signal_with_its_other_errors():
    found = measured_like(TRUTH, SETTINGS, EVERY, 5, bond_length=BOND)
    inside = (SETTINGS.r >= NOISE_RANGE[0]) & (SETTINGS.r <= NOISE_RANGE[1])
    peak = found.signal[inside].max()
    ripple = 0.005 * peak * np.sin(2 * np.pi * SETTINGS.r / EVERY.ripple_period)
    noise = (found.pdf.g - found.signal - ripple)[inside]
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.01 * peak, rel=1e-9)


def test_wrong_qdamp_is_in_the_curve_and_not_in_the_record():
    wrong = sample(qdamp_error=0.02)
    assert wrong.pdf.qdamp == SETTINGS.qdamp
    assert relative(wrong.pdf.g, exact(TRUTH.positions(BOND), SETTINGS.replace(qdamp=0.06))) < 1e-4


def test_disorder_moves_every_coordinate_by_its_standard_deviation():
    moved = sample(Recipe("Sphere", ("fcc", "atom", 683)), disorder=0.1)
    shift = moved.positions - Recipe("Sphere", ("fcc", "atom", 683)).positions(BOND)
    assert shift.std() == pytest.approx(0.1, rel=0.05)
    assert relative(moved.pdf.g, exact(moved.positions, method="histogram")) < 1e-12


def test_strain_changes_the_outermost_spacing_of_an_octahedron_and_nothing_inside():
    whole = Recipe("Octahedron", (7,)).positions(BOND)
    strained = relaxed(whole, -0.05)
    heights = whole @ np.ones(3) / np.sqrt(3)
    top = np.abs(heights - heights.max()) < 1e-6
    # The facet's middle is the atom nearest to its axis; it lacks just three neighbours.
    middle = np.flatnonzero(top)[np.linalg.norm(np.cross(whole[top], np.ones(3)), axis=1).argmin()]
    moved = (strained - whole)[middle]
    np.testing.assert_allclose(moved, -0.05 * LAYER_SPACING * BOND * np.ones(3) / np.sqrt(3), atol=1e-9)
    neighbours = (cdist(whole, whole) < 1.2 * BOND).sum(1) - 1
    np.testing.assert_allclose(strained[neighbours == 12], whole[neighbours == 12], atol=1e-9)
    assert surface_count(whole) == (neighbours < 12).sum()


def test_ligands_touch_the_particle_and_not_each_other():
    core = TRUTH.positions(BOND)
    places = adsorbed(core, 60, 2.35, np.random.default_rng(0))
    np.testing.assert_allclose(cdist(places, core).min(1), 2.35, atol=1e-9)
    assert (cdist(places, places) + 10 * np.eye(60)).min() >= 2.35
    with pytest.raises(ValueError, match="found room"):
        adsorbed(core, 600, 2.35, np.random.default_rng(0))


def test_ligands_scatter_with_their_own_weight_and_displacement():
    """Against the direct sum, which takes one U and one occupancy for each atom."""
    found = sample(ligands=0.5, ligand_weight=0.3, ligand_biso=3.0)
    assert len(found.ligands) == round(0.5 * surface_count(found.positions))
    everything = torch.from_numpy(np.concatenate([found.positions, found.ligands]))
    metal = torch.arange(len(everything)) < len(found.positions)
    occupancies = torch.where(metal, 1.0, 0.3).double()
    uiso = torch.where(metal, 0.8 / B_PER_U, 3.0 / B_PER_U).double()
    wanted = simulate(everything, SETTINGS, occupancies=occupancies, uiso=uiso).numpy()
    assert relative(found.pdf.g, wanted) < 2e-4


@pytest.mark.parametrize(("family", "parameters"), SERIES)
@pytest.mark.parametrize("spread", [0.05, 0.2])
def test_sizes_spread_as_asked_about_the_particle_itself(family, parameters, spread):
    recipe = Recipe(family, parameters)
    series = size_series(recipe, spread)
    own = recipe.positions(1.0)
    assert cdist(own, series.positions[: len(own)]).min(1).max() < 1e-6
    assert series.shares.sum() == pytest.approx(1)
    assert series.mean_atoms == pytest.approx(recipe.n_atoms, abs=0.5)
    diameters = np.cbrt(series.sizes)
    mean = series.shares @ diameters
    # Whole atoms: these particles have 53 or more.
    assert np.sqrt(series.shares @ (diameters - mean) ** 2) / mean == pytest.approx(spread, rel=0.05)


def test_no_spread_is_the_particle_alone():
    series = size_series(TRUTH, 0.0)
    assert series.sizes.tolist() == [TRUTH.n_atoms]
    np.testing.assert_array_equal(series.positions, TRUTH.positions(1.0))


def test_a_sample_of_sizes_is_the_mean_of_its_particles_weighted_with_their_atoms():
    found = sample(size_spread=0.15)
    series = size_series(TRUTH, 0.15)
    curves = np.stack([exact(BOND * series.positions[:n], method="histogram") for n in series.sizes])
    weights = series.shares * series.sizes
    assert relative(found.pdf.g, weights @ curves / weights.sum()) < 1e-12
    assert found.n_atoms == series.mean_atoms
    assert len(found.positions) == TRUTH.n_atoms


def test_positions_do_as_well_as_a_recipe():
    positions = TRUTH.positions(BOND)
    found = measured_like(positions, SETTINGS, MeasuredErrors(disorder=0.05), 1)
    np.testing.assert_allclose(found.pdf.g, sample(seed=1, disorder=0.05).pdf.g, atol=1e-12)


@pytest.mark.parametrize("name", [field.name for field in fields(MeasuredErrors) if field.name != "noise_element"])
def test_strengths_that_mean_nothing_are_refused(name):
    with pytest.raises(ValueError, match=name):
        MeasuredErrors(**{name: float("nan")})
    if name not in ("surface_strain", "qdamp_error"):
        with pytest.raises(ValueError, match=f"{name} = -1"):
            MeasuredErrors(**{name: -1})


def test_what_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match="without a bond length"):
        measured_like(TRUTH, SETTINGS, MeasuredErrors())
    with pytest.raises(ValueError, match="needs a recipe"):
        measured_like(TRUTH.positions(BOND), SETTINGS, MeasuredErrors(size_spread=0.1))
    with pytest.raises(ValueError, match="no larger relatives"):
        size_series(Recipe("StackedPatch", ("ABCABC", 4, 4)), 0.1)
    with pytest.raises(ValueError, match="is flat"):
        size_series(Recipe("HCP", (1, 1, 1)), 0.1)
    with pytest.raises(ValueError, match="no Q range"):
        noisy(PDF(SETTINGS.r, np.sin(SETTINGS.r)), 0.01)
