"""A search by tables and sieves gives what refining everything gives; an index and its file hold what was put in."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from deepstruc_lib.files import PDF
from deepstruc_lib.particles import Recipe, shape_library
from deepstruc_lib.particles.cuts import cut_particles
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.solving import (
    FitTarget,
    Structure,
    build_index,
    fit,
    index_file,
    library_fit,
    load_index,
    merged_distances,
    refine_structures,
    save_index,
    workers,
)
from deepstruc_lib.solving.histograms import Histograms
from deepstruc_lib.solving.least_squares import Residuals, minimise
from deepstruc_lib.solving.search import _spread
from deepstruc_lib.solving.target import model
from deepstruc_lib.solving.together import Tables, refine_histograms

SETTINGS = PDFSettings(qmin=1, qmax=24, qdamp=0.04, rmax=22, rstep=0.02, biso=0.7, delta2=2.5)
TRUTH = Recipe("Decahedron", (3, 2, 0))
FEW = tuple(recipe for recipe in shape_library("deepstruc") if 40 < recipe.n_atoms < 75)
PARTICLES = [Structure(*one) for one in cut_particles(40, seed=1, atoms=(20, 60))]


def simulated(recipe: Recipe = TRUTH, bond: float = 2.81) -> PDF:
    g = 0.6 * simulate(torch.tensor(recipe.positions(bond)), SETTINGS).numpy()
    return PDF(r=SETTINGS.r, g=g, composition="Au", qmin=1, qmax=24, qdamp=0.04)


def test_tables_give_the_curve_and_slopes_of_the_exact_model():
    target = FitTarget(simulated())
    shapes = [merged_distances(Recipe(*one).positions(1.0)) for one in (("FCC", (4, 5, 5)), ("SC", (2, 3, 3)))]
    histograms = Histograms.of_lists(shapes)
    tables = Tables.reaching(target, (2.3, 3.3), histograms.longest)
    filled = tables.of(histograms.block(range(2), tables.bins))
    values = {"stretch": 2.77, "biso": 0.6, "delta2": 3.0}
    found = tables.structure_functions(filled, np.arange(2), np.array([list(values.values())] * 2))
    for shape, curves in zip(shapes, found, strict=True):
        f, slopes = model(shape.up_to(tables.longest), target.q, values)
        for exact, ours in zip((f, *slopes.values()), curves, strict=True):
            assert (
                np.abs(ours @ target.matrix - exact @ target.matrix).max() < 2e-3 * np.abs(exact @ target.matrix).max()
            )


def test_compressed_curves_keep_squares_and_products():
    target = FitTarget(simulated())
    matrix, projection = target.compressed
    f = np.random.default_rng(0).normal(size=(2, len(target.q)))
    whole = f @ target.matrix
    np.testing.assert_allclose((f @ matrix) @ (f @ matrix).T, whole @ whole.T, rtol=1e-9)
    np.testing.assert_allclose((f @ matrix) @ (target.points @ projection), whole @ target.points, rtol=1e-6)


def test_least_squares_finds_minima_inside_and_at_a_corner_of_the_bounds():
    # Two strongly coupled parameters: the unconstrained minimum of the second problem lies outside of both bounds.
    matrix = np.array([[1.0, 0.9], [0.9, 1.0], [0.3, -0.2]])
    wanted = np.array([[0.4, 0.6], [-0.5, 1.4]])

    def residuals(x, rows):
        return Residuals((x - wanted[rows]) @ matrix.T, np.broadcast_to(matrix.T, (len(x), 2, 3)))

    found = minimise(residuals, np.full((2, 2), 0.5), np.zeros((1, 2)), np.ones((1, 2)))
    np.testing.assert_allclose(found.x[0], wanted[0], atol=1e-5)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 401)] * 2), axis=-1).reshape(-1, 2)
    best = ((grid - wanted[1]) @ matrix.T @ matrix * (grid - wanted[1])).sum(1).min()
    assert found.squares[1] <= best + 1e-6
    assert not found.inner[1].all()


def test_the_best_few_are_those_of_refining_everything():
    pdf = simulated()
    few, every = library_fit(pdf, FEW), library_fit(pdf, FEW, everything=True)
    assert len(every.candidates) == every.searched == len(FEW)
    assert 5 <= len(few.candidates) < len(FEW)
    limit = every.candidates[4].fit.rw + 1e-4
    expected = {one.shape.name: one.fit.rw for one in every.candidates if one.fit.rw <= limit}
    found = {one.shape.name: one.fit.rw for one in few.candidates if one.fit.rw <= limit}
    assert found == pytest.approx(expected, abs=1e-4)


def test_progress_begins_at_nothing_and_ends_with_everything():
    reports = []
    library_fit(simulated(), FEW, everything=True, progress=lambda *counts: reports.append(counts))
    begun = reports.index((0, len(FEW)))
    assert reports[-1] == (len(FEW), len(FEW))
    done = [done for done, _ in reports[begun:]]
    assert done == sorted(done)


def test_an_interruption_while_work_is_handed_out_leaves_nothing_to_wait_for():
    done = []

    def tasks():
        for place in range(50):
            yield range(place, place + 1), (place,)
        raise KeyboardInterrupt

    def work(place):
        time.sleep(0.02)
        done.append(place)

    with ThreadPoolExecutor(1) as pool:
        assert not _spread(pool, work, tasks(), lambda places, answer: None)
    assert len(done) < 50


def test_after_an_interruption_only_the_best_so_far_are_refined_exactly(monkeypatch):
    """Even where everything was to be refined: who stops a search of hours does not want to wait for hours more."""
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            time.sleep(1.0)
            raise KeyboardInterrupt
        return refine_histograms(*arguments)

    monkeypatch.setattr("deepstruc_lib.solving.search._TOGETHER", 10)
    monkeypatch.setattr("deepstruc_lib.solving.search.refine_histograms", interrupted)
    monkeypatch.setattr("deepstruc_lib.solving.search.MARGIN", 0.0)
    found = library_fit(simulated(), build_index(PARTICLES), everything=True)
    assert not found.complete
    assert len(found.candidates) == 5


def test_structures_that_somebody_proposes_are_refined_as_one_by_one():
    target = FitTarget(simulated())
    near = TRUTH.positions(2.75) + np.random.default_rng(0).normal(scale=0.03, size=(TRUTH.n_atoms, 3))
    proposed = [FEW[0].positions(2.8), near, TRUTH.positions(2.75)]
    found = refine_structures(target, proposed, everything=True)
    assert found[0][0] == 2
    for row, ours in found:
        alone = fit(target, proposed[row])
        assert ours.rw == pytest.approx(alone.rw, abs=1e-5)
        assert ours.stretch == pytest.approx(alone.stretch, abs=1e-5)


def test_an_index_keeps_structures_once_and_comes_back_from_its_file(tmp_path):
    twice = [*PARTICLES, Structure("again", 2.7 * PARTICLES[3].positions[::-1])]
    index = build_index(twice)
    assert "again" not in index.names
    save_index(tmp_path / "my.index", index)
    again = load_index(tmp_path / "my.index")
    assert again.names == index.names
    shape = again.shape(3)
    np.testing.assert_allclose(shape.positions(2.8), 2.8 * PARTICLES[3].positions, atol=1e-5)
    pdf = simulated()
    ours, theirs = (library_fit(pdf, one).candidates for one in (index, again))
    assert [(one.shape.name, one.fit.rw) for one in ours] == [(one.shape.name, one.fit.rw) for one in theirs]


@pytest.mark.parametrize("damage", [lambda data: data[:-200], lambda data: b"", lambda data: b"r g\n1 2\n"])
def test_what_is_no_index_is_refused(tmp_path, damage):
    path = tmp_path / "my.index"
    save_index(path, build_index(PARTICLES[:5]))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="no index"):
        load_index(path)
    with pytest.raises(ValueError, match="a folder: needs"):
        load_index(tmp_path)


def test_an_index_of_another_format_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(index_file, "FORMAT", 0)
    save_index(tmp_path / "my.index", build_index(PARTICLES[:5]))
    monkeypatch.undo()
    with pytest.raises(ValueError, match="index of format 0"):
        load_index(tmp_path / "my.index")


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ([], "no structure"),
        ([np.zeros((1, 3))], "0: 1 atoms: needs"),
        ([PARTICLES[0].positions, np.zeros((3, 3))], "1: all atoms at the same place: needs"),
        ([np.concatenate([PARTICLES[0].positions, PARTICLES[0].positions[:1]])], "0: two atoms at the same place"),
        ([np.array([[0, 0, 0], [0, 0, np.nan]])], "0: positions hold NaN"),
    ],
)
def test_what_cannot_be_searched_is_refused(positions, message):
    with pytest.raises(ValueError, match=message):
        build_index([Structure(str(place), one) for place, one in enumerate(positions)])
    with pytest.raises(ValueError, match=message):
        refine_structures(FitTarget(simulated()), positions)


@pytest.fixture
def small_library(tmp_path, monkeypatch):
    """A library of some particles, and how often it was built."""
    built = []

    def build(name, progress=None):
        built.append(name)
        return build_index(PARTICLES[:5])

    monkeypatch.setenv("DEEPSTRUC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index_file, "build_library", build)
    return built


def test_a_library_is_built_once_and_a_damaged_one_replaced(small_library, tmp_path):
    first = index_file.library_index("deepstruc")
    assert index_file.library_index("deepstruc").names == first.names
    assert small_library == ["deepstruc"]
    (kept,) = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    assert index_file.library_index("deepstruc").names == first.names
    assert kept.read_bytes() == whole
    assert len(small_library) == 2


def test_a_library_that_cannot_be_read_or_kept_is_used_without(small_library, tmp_path, monkeypatch, caplog):
    index_file.library_index("deepstruc")
    (kept,) = (tmp_path / "cache").iterdir()

    def locked(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(index_file, "load_index", locked)
    assert len(index_file.library_index("deepstruc")) == 5
    assert "cannot be read" in caplog.text
    assert kept.exists()
    monkeypatch.undo()
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DEEPSTRUC_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(index_file, "build_library", lambda name, progress: build_index(PARTICLES[:5]))
    assert len(index_file.library_index("deepstruc")) == 5
    assert "cannot be written" in caplog.text


def test_a_library_fit_loads_neither_torch_nor_scipy(tmp_path):
    program = "\n".join(
        [
            "import sys, numpy as np",
            "from deepstruc_lib.files import read_gr",
            "from deepstruc_lib.solving import build_index, library_fit, load_index, solve",
            "best = library_fit(read_gr(sys.argv[1]), load_index(sys.argv[2])).candidates[0]",
            "best.atoms('Pt')",
            "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'scipy', 'h5py', 'sklearn'}))",
        ]
    )
    from deepstruc_lib.files import write_gr

    write_gr(tmp_path / "one.gr", simulated())
    save_index(tmp_path / "my.index", build_index(PARTICLES[:8]))
    command = [sys.executable, "-c", program, str(tmp_path / "one.gr"), str(tmp_path / "my.index")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_exports_are_not_hidden_by_modules_of_their_name():
    from deepstruc_lib import solving

    assert callable(solving.fit)
    assert callable(solving.solve)
    assert "library_fit" in dir(solving)
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        solving.magic  # noqa: B018 - the access is what is tested


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_overlapping_work_gives_the_threads_back():
    before = blas_threads()
    inside, first_out = Barrier(2), Barrier(2)

    def work(leaves_first):
        with workers.workers():
            inside.wait(timeout=20)
            assert blas_threads() == {1}
            if not leaves_first:
                first_out.wait(timeout=20)
        if leaves_first:
            first_out.wait(timeout=20)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [True, False]))
    assert blas_threads() == before


def test_cores_are_those_that_affinity_and_job_leave(monkeypatch, tmp_path):
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(workers, "_CPU_LIMIT", tmp_path / "cpu.max")
    assert workers.usable_cores() == 4
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert workers.usable_cores() == 4
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert workers.usable_cores() == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the scheduler's own
def test_two_workers_of_a_cluster_search_an_index_alike():
    from dask.distributed import LocalCluster

    index, pdf = build_index(PARTICLES), simulated()
    here = library_fit(pdf, index)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        spread = library_fit(pdf, index, cluster=cluster.scheduler_address)
    assert [one.shape.name for one in spread.candidates] == [one.shape.name for one in here.candidates]
    np.testing.assert_allclose(*([one.fit.rw for one in found.candidates] for found in (spread, here)), rtol=1e-6)


def test_cut_particles_are_crystals_of_the_size_asked_for():
    particles = list(cut_particles(30, seed=5, atoms=(20, 300)))
    assert [name for name, _ in particles] == [name for name, _ in cut_particles(30, seed=5, atoms=(20, 300))]
    for _, positions in particles:
        assert 20 <= len(positions) <= 300
        assert merged_distances(positions).nearest == pytest.approx(1.0)
    assert np.mean([len(positions) for _, positions in cut_particles(300, seed=0)]) > 120
    with pytest.raises(ValueError, match="fewest"):
        next(cut_particles(1, 0, (1, 5)))
