"""Fits find what they were given, agree with each other, and say what they cannot know."""

import logging

import numpy as np
import pytest
import torch

from deepstruc_lib.files import MEASURED, PDF, DataUnavailable, measured, read_gr
from deepstruc_lib.particles import Recipe, shape_library
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.scattering.quadrature import quadrature, sine_matrix
from deepstruc_lib.solving import (
    FitTarget,
    fit,
    identify,
    library_fit,
    match,
    mean_nearest_neighbour,
    merged_distances,
    shapes,
    solve,
    the_metal,
)
from deepstruc_lib.solving.histograms import Histograms
from deepstruc_lib.solving.library import first_peak
from deepstruc_lib.solving.results import write_solutions
from deepstruc_lib.solving.tables import solutions_table
from deepstruc_lib.solving.target import REACH_MARGIN, model

SETTINGS = PDFSettings(qmin=1, qmax=24, qdamp=0.04, rmax=22, rstep=0.02, biso=0.7, delta2=2.5)
TRUTH = Recipe("Decahedron", (3, 2, 0))
FEW = tuple(recipe for recipe in shape_library("deepstruc") if recipe.n_atoms < 60)


def simulated(recipe: Recipe = TRUTH, bond: float = 2.81, scale: float = 0.6, settings=SETTINGS, noise=0.0) -> PDF:
    g = scale * simulate(torch.tensor(recipe.positions(bond)), settings).numpy()
    g = g + noise * g.max() * np.random.default_rng(0).normal(size=g.shape)
    ranges = {"qmin": settings.qmin, "qmax": settings.qmax, "qdamp": settings.qdamp}
    return PDF(r=settings.r, g=g, composition="Au", **ranges)


def test_a_fit_recovers_the_parameters_it_was_made_with():
    result = fit(simulated(), TRUTH.build("Au", 2.75))
    assert result.rw < 1e-6
    found = [result.scale, result.stretch, result.biso, result.delta2]
    np.testing.assert_allclose(found, [0.6, 2.81 / 2.75, 0.7, 2.5], rtol=1e-4)


def test_uncertainties_cover_the_truth_and_grow_with_the_noise():
    spread = {}
    for noise in (0.01, 0.04):
        # Noise as a measurement has it: none beyond qmax, so that neighbouring points are not independent.
        pdf = simulated(noise=0.0)
        q = np.linspace(SETTINGS.qmin, SETTINGS.qmax, 400)
        waves = np.random.default_rng(4).normal(size=400) @ np.sin(np.outer(q, pdf.r))
        noisy = PDF(r=pdf.r, g=pdf.g + noise * pdf.g.max() * waves / waves.std(), qmin=1, qmax=24, qdamp=0.04)
        result = fit(noisy, TRUTH.build("Au", 2.81))
        for name, truth in {"scale": 0.6, "stretch": 1.0, "biso": 0.7, "delta2": 2.5}.items():
            assert abs(getattr(result, name) - truth) < 5 * result.errors[name]
        spread[noise] = result.errors["stretch"]
    assert spread[0.04] > 2 * spread[0.01]


def test_the_model_is_the_simulator():
    positions = TRUTH.positions(2.8)
    target = FitTarget(simulated())
    values = {"stretch": 1.0, "biso": 0.7, "delta2": 2.5}
    f, _ = model(merged_distances(positions).up_to(target.longest), target.q, values)
    g = simulate(torch.tensor(positions), SETTINGS).numpy()[(SETTINGS.r > 1.999) & (SETTINGS.r < 20.001)]
    # Pairs beyond the fit range are left out: their ripples are what remains.
    np.testing.assert_allclose(f @ target.full_matrix, g, atol=2e-3 * g.max())


def test_the_quadrature_is_exact_for_every_pair_a_refinement_may_reach():
    target = FitTarget(simulated())
    far = merged_distances(Recipe("FCC", (9, 10, 6)).positions(1.0)).up_to(REACH_MARGIN * target.longest / 2.6)
    q, weights = quadrature(target.qmin, target.qmax, 4 * target.longest)
    for stretch in (2.6, 3.1):
        values = {"stretch": stretch, "biso": 0.12, "delta2": 0.0}
        ours = model(far, target.q, values)[0] @ target.full_matrix
        fine = model(far, q, values)[0] @ sine_matrix(q, weights, target.r, target.qdamp)
        np.testing.assert_allclose(ours, fine, atol=1e-9 * np.abs(fine).max())


@pytest.mark.parametrize("name", ["stretch", "biso", "delta2"])
def test_the_jacobian_is_that_of_finite_differences(name):
    shape, q = merged_distances(TRUTH.positions(2.8)), np.linspace(1, 24, 50)
    values, step = {"stretch": 1.01, "biso": 0.7, "delta2": 2.5}, 1e-6
    up, down = (model(shape, q, values | {name: values[name] + sign * step})[0] for sign in (1, -1))
    slope = model(shape, q, values)[1][name]
    np.testing.assert_allclose((up - down) / (2 * step), slope, rtol=1e-5, atol=1e-6 * np.abs(slope).max())


def test_fixed_parameters_stay_and_bounds_hold():
    result = fit(simulated(), TRUTH.build("Au", 2.8), fixed={"delta2": 0.0}, bounds={"biso": (0.9, 1.5)})
    assert result.delta2 == 0
    assert result.errors["delta2"] is None
    assert 0.9 <= result.biso <= 1.5
    everything = {"scale": 0.6, "stretch": 2.81 / 2.8, "biso": 0.7, "delta2": 2.5}
    assert fit(simulated(), TRUTH.build("Au", 2.8), fixed=everything).rw < 1e-3


def test_rw_is_what_it_says():
    result = fit(simulated(noise=0.05), TRUTH.build("Au", 2.8), r_range=(2.2, 15))
    rw = np.sqrt(np.sum((result.g - result.g_fit) ** 2) / np.sum(result.g**2))
    assert result.rw == pytest.approx(rw)
    assert result.r[0] == pytest.approx(2.2)
    assert result.r[-1] == pytest.approx(15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fixed": {"B": 1.0}}, "needs one of scale"),
        ({"bounds": {"biso": (2.0, 1.0)}}, "low < high"),
        ({"r_range": (2, 50)}, "needs 2 to 50"),
    ],
)
def test_impossible_fits_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(simulated(), TRUTH.build("Au", 2.8), **arguments)


def test_a_pdf_without_q_range_is_refused():
    pdf = simulated()
    with pytest.raises(ValueError, match="--qmin"):
        FitTarget(PDF(r=pdf.r, g=pdf.g))


def test_merging_distances_keeps_their_number_and_sum():
    positions = TRUTH.positions(2.8)
    merged = merged_distances(positions)
    every = torch.pdist(torch.tensor(positions)).numpy()
    assert merged.counts.sum() == len(every)
    assert merged.counts @ merged.distances == pytest.approx(every.sum())
    assert merged.nearest == pytest.approx(every.min())
    with pytest.raises(ValueError, match="same place"):
        merged_distances(np.zeros((3, 3)))


def test_nearest_neighbours_of_a_tetrahedron_are_its_edges():
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert mean_nearest_neighbour(tetrahedron) == pytest.approx(np.sqrt(8))


def test_the_match_explains_what_the_fit_does_without_correlated_motion():
    settings = SETTINGS.replace(delta2=0, biso=0.8)
    target = FitTarget(simulated(settings=settings))
    library = shapes(FEW)
    found = match(target, Histograms.of_lists([shape.distances for shape in library]), (2.6, 3.0))
    truth = next(i for i, shape in enumerate(library) if shape.recipe == TRUTH)
    assert found.explained[0].argmax() == truth
    assert found.explained[0, truth] > 0.99
    assert found.stretch[0, truth] == pytest.approx(2.81, rel=0.005)
    assert (found.explained <= 1 + 1e-5).all()


def test_the_first_peak_is_the_nearest_neighbours_also_in_simple_cubic():
    for recipe in (Recipe("SC", (2, 3, 3)), Recipe("FCC", (2, 3, 4))):
        target = FitTarget(simulated(recipe, 2.8, settings=SETTINGS.replace(biso=0.3, delta2=0)))
        assert first_peak(target) == pytest.approx(2.8, abs=0.05)


def test_a_library_can_be_fitted_beyond_the_first_peak():
    assert library_fit(simulated(), FEW, r_range=(3.5, 20)).candidates[0].shape.recipe == TRUTH


def test_library_fit_finds_the_shape_at_the_top_and_reports_progress():
    reports = []
    result = library_fit(simulated(), FEW, progress=lambda done, total: reports.append((done, total)))
    assert result.complete
    assert result.candidates[0].shape.recipe == TRUTH
    assert result.candidates[0].fit.stretch == pytest.approx(2.81, rel=1e-4)
    rw = [candidate.fit.rw for candidate in result.candidates]
    assert rw == sorted(rw)
    assert reports[-1] == (len(FEW), len(FEW))


def test_an_interrupted_library_fit_keeps_what_it_has(caplog):
    def stop(done, total):
        if done >= 40:
            raise KeyboardInterrupt

    shapes(FEW)  # building them tells its progress too
    with caplog.at_level(logging.WARNING):
        result = library_fit(simulated(), FEW, progress=stop)
    assert not result.complete
    assert result.searched == len(FEW)
    assert result.candidates[0].shape.recipe == TRUTH
    assert "interrupted" in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the scheduler's own
def test_a_dask_cluster_gives_the_same_answer():
    from dask.distributed import LocalCluster

    pdf = simulated()
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        spread = library_fit(pdf, FEW[:16], cluster=cluster.scheduler_address)
    here = library_fit(pdf, FEW[:16])
    assert [c.shape.recipe for c in spread.candidates] == [c.shape.recipe for c in here.candidates]
    np.testing.assert_allclose([c.fit.rw for c in spread.candidates], [c.fit.rw for c in here.candidates], rtol=1e-6)


def test_identify_names_the_shape_of_each_of_many():
    library = shapes(FEW)
    settings = SETTINGS.replace(delta2=0, rmax=20)
    chosen = range(0, len(FEW), 6)
    bonds = np.linspace(2.7, 3.2, len(chosen))
    curves = [simulate(torch.tensor(FEW[i].positions(b)), settings).numpy() for i, b in zip(chosen, bonds, strict=True)]
    found = identify(np.stack(curves), settings, library, r_range=(2, 19.9), bonds=(2.2, 3.3))
    assert found.shapes[:, 0].tolist() == list(chosen)
    assert found.rw[:, 0].max() < 0.01
    with pytest.raises(ValueError, match="r grid"):
        identify(np.ones((2, 7)), settings, library)


def test_solve_gives_ranked_solutions_that_simulate_to_the_measured_pdf(tmp_path):
    pdf = simulated()
    solutions = solve(pdf, top=3)
    best = solutions[0]
    assert [solution.rank for solution in solutions] == [1, 2, 3]
    assert (best.family, best.motif, best.n_atoms) == ("Decahedron", "decahedral", TRUTH.n_atoms)
    assert best.bond_length == pytest.approx(2.81, rel=1e-3)
    assert best.stretch * 2.68 == pytest.approx(2.81, rel=1e-3)  # gold's bond length in the corpora
    again = fit(pdf, best.atoms, fixed={"stretch": 1.0})
    assert again.rw == pytest.approx(best.rw, abs=1e-6)

    written = write_solutions(tmp_path / "out", solutions, pdf)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".xyz", ".fit", ".csv"}
    columns = np.loadtxt(str(written[0].file).replace(".xyz", ".fit"))
    np.testing.assert_allclose(columns[:, 1] - columns[:, 2], columns[:, 3], atol=1e-6)
    assert solutions_table(solutions).count("\n") == 4


def test_the_only_metal_of_a_composition_is_taken():
    pdf = simulated()
    assert the_metal(pdf) == "Au"
    assert the_metal(pdf, "Pt") == "Pt"
    with pytest.raises(ValueError, match="chemical symbol"):
        the_metal(pdf, "Gold")
    for composition in ("Au Ag", "S C2", None):
        several = PDF(r=pdf.r, g=pdf.g, composition=composition)
        with pytest.raises(ValueError, match="--element"):
            the_metal(several)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="method"):
        solve(simulated(), method="magic")
    with pytest.raises(ValueError, match="library"):
        solve(simulated(), library="all")
    with pytest.raises(ValueError, match="top"):
        solve(simulated(), top=0)


# Measured Rw over 2–20 Å of the best of the 197 shapes, found with independent code; ours may be better, or worse by
# at most 0.01.
BEST_OF_197 = {
    "Au144PET": ("Icosahedron", 55, 0.296),
    "Au144pMBA": ("Decahedron", 105, 0.154),
    "JQ_S3": ("FCC", 165, 0.178),
    "JQ_S2": ("FCC", 165, 0.192),
    "JQ_S1": ("FCC", 165, 0.336),
}
BEST_EXTENDED = {"Au144pMBA": 0.147, "JQ_S3": 0.156, "JQ_S2": 0.113, "JQ_S1": 0.097}


def measured_pdf(name: str) -> PDF:
    try:
        return read_gr(measured(name))
    except DataUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", BEST_OF_197)
def test_measured_pdfs_are_fitted_as_well_as_is_known(name):
    family, atoms, rw = BEST_OF_197[name]
    best = solve(measured_pdf(name), element=MEASURED[name].element, method="library")[0]
    assert (best.family, best.n_atoms) == (family, atoms)
    assert best.rw < rw + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", BEST_EXTENDED)
def test_the_extended_library_fits_as_well_as_is_known(name):
    best = library_fit(measured_pdf(name), "extended").candidates[0]
    assert best.fit.rw < BEST_EXTENDED[name] + 0.01
