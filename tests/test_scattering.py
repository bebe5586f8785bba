"""The simulator obeys diffpy.srreal's numbers, its own second road, and the laws of scattering."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.cluster import Icosahedron, Octahedron

from deepstruc_lib.scattering import (
    PRESETS,
    PDFSettings,
    compact,
    debye_intensity,
    form_factors,
    simulate,
    total_scattering_structure_function,
)
from deepstruc_lib.scattering.histogram import bin_centres, distance_histogram

DATA = Path(__file__).parent / "data"
# Curves of diffpy.srreal 1.4.0 (libdiffpy 1.4.0.post27), DebyePDFCalculator, a fresh calculator for each curve.
GOLDEN = np.load(DATA / "srreal_golden.npz")
STRUCTURES = json.loads((DATA / "srreal_golden.json").read_text())["structures"]
PRESET_KEYS = {"MLG": "mlg", "DeepStruc": "deepstruc", "DeepStrucPublished": "deepstruc_published"}
CURVES = [(name, key) for name in STRUCTURES for key in PRESET_KEYS if f"{name}/{key}/G" in GOLDEN]
SPECIAL = [name for name, entry in STRUCTURES.items() if "special" in entry]
SHORT = PDFSettings(qmin=0.8, qmax=20, qdamp=0.03, rmin=1, rmax=12, rstep=0.1, biso=0.4, delta2=1.5)


def golden_positions(name: str) -> torch.Tensor:
    return torch.tensor(GOLDEN[f"{name}/positions"])


def relative(ours: torch.Tensor, theirs) -> float:
    return float(np.abs(np.asarray(ours) - np.asarray(theirs)).max() / np.abs(np.asarray(theirs)).max())


def rattled(seed: int = 0, batch: int = 1, shells: int = 2, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    positions = torch.tensor(Icosahedron("Au", shells).positions, dtype=dtype)
    return positions + 0.1 * torch.randn(batch, *positions.shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize(("name", "key"), CURVES)
def test_diffpy_mode_is_diffpy(name, key):
    settings = PRESETS[PRESET_KEYS[key]]
    positions, curve = golden_positions(name), GOLDEN[f"{name}/{key}/G"]
    np.testing.assert_allclose(settings.r, GOLDEN[f"{key}/r"], atol=1e-12)
    assert relative(simulate(positions, settings, transform="diffpy"), curve) < 1e-8
    assert relative(simulate(positions.float(), settings, transform="diffpy"), curve) < 1e-4
    assert relative(simulate(positions, settings, transform="diffpy", method="histogram"), curve) < 1e-4


@pytest.mark.parametrize("name", SPECIAL)
def test_diffpy_mode_is_diffpy_for_alloys_single_u_and_every_broadening(name):
    settings = PDFSettings(**{"biso": 0.0, **STRUCTURES[name]["special"]})
    symbols = [str(symbol) for symbol in GOLDEN[f"{name}/elements"]]
    u = torch.tensor(GOLDEN[f"{name}/uiso"])
    g = simulate(golden_positions(name), settings, symbols=symbols, uiso=u, transform="diffpy")
    assert relative(g, GOLDEN[f"{name}/special/G"]) < 1e-8


def test_the_histogram_handles_every_broadening_too():
    name = "rmin_delta1_qbroad_ico55"
    settings = PDFSettings(**{"biso": 0.0, **STRUCTURES[name]["special"]})
    u = float(GOLDEN[f"{name}/uiso"][0])
    g = simulate(golden_positions(name).float(), settings, uiso=u, transform="diffpy")
    assert relative(g, GOLDEN[f"{name}/special/G"]) < 1e-4


def test_diffpy_itself_agrees_where_it_is_installed():
    pytest.importorskip("diffpy.srreal", reason="diffpy.srreal is only on conda-forge")
    from deepstruc_lib.scattering.diffpy_adapter import diffpy_pdf

    atoms = Octahedron("Pt", 4)
    theirs = diffpy_pdf(atoms, PRESETS["deepstruc"])
    ours = simulate(torch.tensor(atoms.positions), PRESETS["deepstruc"], transform="diffpy")
    assert relative(ours, theirs) < 1e-8


def test_exact_transform_of_a_dimer_is_the_closed_form():
    """Without damping the integral of sin(Qd) sin(Qr) has an antiderivative."""
    d, settings = 2.8, PDFSettings(qmin=1.2, qmax=23, rmin=0.5, rmax=15, rstep=0.01, biso=0)
    r = settings.r

    def integral(q):
        return q / 2 * (np.sinc(q * (r - d) / np.pi) - np.sinc(q * (r + d) / np.pi))

    closed = (2 / np.pi) / d * (integral(settings.qmax) - integral(settings.qmin))
    dimer = torch.tensor([[0.0, 0, 0], [d, 0, 0]], dtype=torch.float64)
    assert relative(simulate(dimer, settings), closed) < 1e-12


def test_exact_transform_does_not_depend_on_the_grid_it_is_asked_on():
    positions = rattled()
    fine = simulate(positions, SHORT.replace(rstep=0.01))
    coarse = simulate(positions, SHORT.replace(rstep=0.1))
    assert relative(fine[:, ::10], coarse) < 1e-12


def test_diffpy_mode_tends_to_the_exact_transform_as_its_grid_gets_finer():
    """Its interpolation error falls with rstep²; what remains is its Q grid, under a percent."""
    positions = rattled()
    settings = SHORT.replace(rmax=40, qmin=0)
    errors = []
    for rstep in (0.1, 0.01):
        exact = simulate(positions, settings.replace(rstep=rstep))
        errors.append(relative(simulate(positions, settings.replace(rstep=rstep), transform="diffpy"), exact))
    assert errors[1] < errors[0]
    assert errors[1] < 0.01


def test_histogram_and_direct_sum_are_two_roads_to_one_number_and_one_gradient():
    results = []
    for method in ("direct", "histogram"):
        positions = rattled(batch=3).requires_grad_()
        occupancies = torch.linspace(0.2, 1, 39, dtype=torch.float64).reshape(3, 13).requires_grad_()
        u = torch.tensor([0.004, 0.006, 0.01], dtype=torch.float64, requires_grad=True)
        delta2 = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        g = simulate(positions, SHORT, occupancies=occupancies, uiso=u, delta2=delta2, method=method)
        weights = torch.linspace(-1, 1, g.shape[1], dtype=torch.float64)
        gradients = torch.autograd.grad((g * weights).sum(), (positions, occupancies, u, delta2))
        results.append((g.detach(), *gradients))
    for direct, binned in zip(*results, strict=True):
        assert relative(binned, direct) < 1e-3
    assert relative(results[1][0], results[0][0]) < 1e-4


def test_direct_gradients_are_those_of_finite_differences():
    positions = rattled(shells=2)[:, :4].requires_grad_()
    occupancies = torch.tensor([[1.0, 0.7, 0.4, 0.9]], dtype=torch.float64, requires_grad=True)
    u = torch.tensor([[0.004, 0.005, 0.006, 0.007]], dtype=torch.float64, requires_grad=True)
    delta2 = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    settings = SHORT.replace(rstep=1)

    def g(positions, occupancies, u, delta2):
        return simulate(positions, settings, occupancies=occupancies, uiso=u, delta2=delta2)

    assert torch.autograd.gradcheck(g, (positions, occupancies, u, delta2))


def test_histogram_gradient_is_that_of_finite_differences_within_a_bin():
    positions = rattled(seed=3)[:, :5].requires_grad_()
    occupancies = torch.tensor([[1.0, 0.7, 0.4, 0.9, 0.5]], dtype=torch.float64, requires_grad=True)

    def total(positions, occupancies):
        bins = distance_histogram(positions, occupancies, 20.0, 0.01)
        return bins @ torch.sin(3 * bin_centres(20.0, 0.01, bins))

    assert torch.autograd.gradcheck(total, (positions, occupancies), eps=1e-6, atol=1e-4)


def test_histogram_counts_every_pair_once_whatever_the_block():
    for shells in (2, 5, 7):  # 923 atoms are split into blocks of rows
        positions = torch.tensor(Icosahedron("Au", shells).positions, dtype=torch.float64)[None]
        atoms = positions.shape[1]
        bins = distance_histogram(positions, None, 60.0, 0.01)
        assert float(bins.sum()) == pytest.approx(atoms * (atoms - 1) / 2, rel=1e-9)


def test_g_does_not_change_under_rotation_translation_reflection_and_permutation():
    generator = np.random.default_rng(1)
    rotation = torch.tensor(np.linalg.qr(generator.normal(size=(3, 3)))[0])
    positions = rattled()[0]
    order = torch.tensor(generator.permutation(len(positions)))
    moved = -(positions[order] @ rotation) + torch.tensor([3.0, -20.0, 7.0], dtype=torch.float64)
    assert relative(simulate(moved, SHORT), simulate(positions, SHORT)) < 1e-10


def test_padding_is_not_there():
    positions = rattled(batch=2)
    padded = torch.cat([positions, torch.zeros(2, 5, 3, dtype=torch.float64)], dim=1)
    present = torch.cat([torch.ones(2, 13), torch.zeros(2, 5)], dim=1).double()
    for method in ("direct", "histogram"):
        plain = simulate(positions, SHORT, method=method)
        assert relative(simulate(padded, SHORT, occupancies=present, method=method), plain) < 1e-10
    padded.requires_grad_()
    simulate(padded, SHORT, occupancies=present, method="histogram").sum().backward()
    assert torch.isfinite(padded.grad).all()
    assert not padded.grad[:, 13:].any()


@pytest.mark.parametrize("transform", ["exact", "diffpy"])
@pytest.mark.parametrize("method", ["direct", "histogram"])
@pytest.mark.parametrize("place", [100.0, -1e4, 1e30])
def test_absent_atoms_may_lie_anywhere(transform, method, place):
    positions = rattled(batch=2)
    far = torch.cat([positions, torch.full((2, 4, 3), place, dtype=torch.float64)], dim=1)
    far[1, :2] = place  # in one particle of the batch only
    present = torch.ones(2, 17, dtype=torch.float64)
    present[:, 13:], present[1, :2] = 0, 0
    options = {"transform": transform, "method": method}
    found = simulate(far, SHORT, occupancies=present, **options)
    assert relative(found[:1], simulate(positions[:1], SHORT, **options)) < 1e-10
    assert relative(found[1:], simulate(positions[1:, 2:], SHORT, **options)) < 1e-10
    single = simulate(far[0].float(), SHORT, occupancies=present[0].float(), **options)
    assert relative(single, found[0]) < 1e-4  # nor do they take digits from the rest


def test_absent_atoms_keep_the_others_own_u_and_symbol():
    positions = rattled()[0]
    order = torch.tensor([13, *range(13)])
    symbols, u = ["Pt"] + ["Au"] * 12, torch.linspace(0.002, 0.01, 13, dtype=torch.float64)
    padded = torch.cat([positions, torch.full((1, 3), 500.0, dtype=torch.float64)])[order]
    present = torch.tensor([0.0] + 13 * [1.0])
    more = torch.cat([u, u[:1]])[order]
    found = simulate(padded, SHORT, symbols=["Ni", *symbols], uiso=more, occupancies=present)
    assert relative(found, simulate(positions, SHORT, symbols=symbols, uiso=u)) < 1e-10


@pytest.mark.parametrize("method", ["direct", "histogram"])
@pytest.mark.parametrize("distance", [60.0, 1e3, 1e6])
def test_atoms_that_drifted_away_only_count_in_n(method, distance):
    """Lost atoms have no pairs with the rest, two lost together still see each other; float32 keeps its digits."""
    positions = rattled()
    lost = torch.tensor([[distance, 0, 0], [0, -distance, 3.0], [2.7, -distance, 3.0]], dtype=torch.float64)
    together = torch.cat([positions, lost[None]], dim=1)
    pair = 2 * simulate(lost[1:], SHORT, method=method)
    wanted = (13 * simulate(positions, SHORT, method=method) + pair) / 16
    assert relative(simulate(together, SHORT, method=method), wanted) < 1e-8
    if distance < 1e4:  # beyond, float32 no longer tells where the pair's two atoms are
        assert relative(simulate(together.float(), SHORT, method=method), wanted) < 2e-4


def test_a_lost_atom_costs_nothing_and_gets_no_pull():
    """A diameter of 10⁶ Å would ask for terabytes; what is computed depends on the longest distance that counts."""
    settings = PRESETS["deepstruc"].replace(rmax=20, rstep=0.1)
    positions = rattled(shells=4, dtype=torch.float32)
    lost = positions.clone()
    lost[:, -1, 0] += 1e6
    assert compact(lost, None, settings.rmax).longest < 1.5 * compact(positions, None, settings.rmax).longest
    simulate(lost.requires_grad_(), settings).square().sum().backward()
    assert torch.isfinite(lost.grad).all()
    assert not lost.grad[:, -1].any()


def test_compacting_moves_parts_and_nothing_within_them():
    positions = torch.cat([rattled(), rattled(seed=1) + 400.0, rattled(seed=2) - 90.0], dim=1)
    seen = compact(positions, None, 40.0)
    before, after = ((some[:, :, None] - some[:, None]).norm(dim=-1) for some in (positions, seen.positions))
    near = before < 30
    torch.testing.assert_close(after[near], before[near], atol=1e-10, rtol=0)
    assert (after[~near] > max(40, seen.longest)).all()
    assert seen.longest < 25
    assert seen.kept.tolist() == list(range(39))
    compacted = compact(seen.positions, None, 50.0)
    assert compacted.positions is seen.positions


def test_occupancies_that_are_fitted_keep_their_atoms():
    positions = torch.cat([rattled(), torch.full((1, 1, 3), 3.1, dtype=torch.float64)], dim=1)
    present = torch.ones(1, 14, dtype=torch.float64)
    present[:, 13] = 0
    simulate(positions, SHORT, occupancies=present.requires_grad_(), method="direct")[0, 20].backward()
    assert present.grad[0, 13] != 0


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", ["direct", "histogram"])
def test_autocast_changes_nothing(precision, method):
    results = []
    for enabled in (False, True):
        positions = rattled(batch=2, dtype=getattr(torch, precision)).requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            g = simulate(positions, SHORT, method=method)
            loss = g.square().sum()
        results.append((g, *torch.autograd.grad(loss, positions)))
    for plain, cast in zip(*results, strict=True):
        assert cast.dtype == positions.dtype
        torch.testing.assert_close(cast, plain, rtol=0, atol=0)


@pytest.mark.parametrize("transform", ["exact", "diffpy"])
@pytest.mark.parametrize("method", ["direct", "histogram"])
def test_gradients_work_after_a_first_call_in_inference_mode(transform, method):
    # Settings of no other test, so that nothing is kept of them yet.
    settings = SHORT.replace(qdamp=0.0123, delta2=0.0123, rmax=12.3 if method == "direct" else 12.4)
    positions = rattled(batch=1)
    with torch.inference_mode():
        first = simulate(positions, settings, transform=transform, method=method)
    again = simulate(positions.requires_grad_(), settings, transform=transform, method=method)
    again.sum().backward()
    assert torch.equal(again, first)
    assert positions.grad.any()


def test_a_batch_is_its_members():
    positions = rattled(batch=3)
    together = simulate(positions, SHORT)
    assert relative(together, torch.stack([simulate(one, SHORT) for one in positions])) < 1e-12


def test_element_does_not_matter_in_a_monometallic_particle():
    positions = rattled()[0]
    plain = simulate(positions, SHORT)
    for symbol in ("Ni", "Au"):
        assert relative(simulate(positions, SHORT, symbols=[symbol] * 13), plain) < 1e-12
    assert relative(simulate(positions, SHORT, symbols=["Ni"] * 13, radiation="neutron"), plain) < 1e-12


def test_stretching_a_particle_moves_its_peaks_as_much():
    dimer = torch.tensor([[0.0, 0, 0], [2.5, 0, 0]], dtype=torch.float64)
    settings = PDFSettings(qmin=0, qmax=30, rmin=0, rmax=10, rstep=0.001, biso=0.5)
    peaks = [settings.r[int(simulate(factor * dimer, settings).argmax())] for factor in (1.0, 1.2)]
    assert peaks[1] - peaks[0] == pytest.approx(0.5, abs=0.005)


def test_intensity_tends_to_n_squared_forward_and_structure_function_to_one_far_out():
    positions = rattled()[0]
    q = torch.tensor([1e-4, 80.0], dtype=torch.float64)
    ones = torch.ones(13, 2, dtype=torch.float64)
    intensity = debye_intensity(positions, ones, q, uiso=0.01)
    assert float(intensity[0]) == pytest.approx(169, rel=1e-6)
    s = total_scattering_structure_function(intensity, ones)
    assert float(s[1]) == pytest.approx(1, abs=1e-6)


def test_form_factor_counts_the_electrons():
    q = torch.tensor([0.0, 5.0], dtype=torch.float64)
    f = form_factors(["Au", "Ni"], q)
    torch.testing.assert_close(f[:, 0], torch.tensor([79.0, 28.0], dtype=torch.float64), rtol=1e-3, atol=0)
    assert (f[:, 1] < f[:, 0]).all()


def test_float32_simulation_stays_exact_to_1e_4_of_a_particle_larger_than_those_of_the_corpora():
    positions = torch.tensor(Icosahedron("Au", 5).positions)
    settings = PRESETS["deepstruc"].replace(rstep=0.05)
    assert relative(simulate(positions.float(), settings), simulate(positions, settings)) < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qmax": 0.5}, "qmin < qmax"),
        ({"rstep": 0.0}, "rstep"),
        ({"biso": math.nan}, "biso"),
        ({"qdamp": -1.0}, "qdamp"),
        ({"rmax": 0.0}, "rmin < rmax"),
        ({"rstep": 1e-7}, "points"),
        ({"qmax": 1e6}, "qmax"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        PDFSettings(**change)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": torch.zeros(4, 2)}, "shape"),
        ({"positions": torch.full((4, 3), math.nan)}, "NaN"),
        ({"positions": torch.zeros(4, 3, dtype=torch.int64)}, "float32"),
        ({"positions": torch.rand(4, 3), "occupancies": torch.ones(3)}, "occupancies"),
        ({"positions": torch.rand(4, 3), "symbols": ["Au"]}, "symbols"),
        ({"positions": torch.rand(4, 3), "symbols": ["Xx"] * 4}, "Xx"),
        ({"positions": torch.rand(4, 3), "uiso": torch.ones(7)}, "uiso"),
        ({"positions": torch.rand(4, 3), "uiso": torch.ones(4), "method": "histogram"}, "one U"),
        ({"positions": torch.rand(4, 3), "uiso": -0.01}, "zero or more"),
        ({"positions": torch.rand(4, 3), "occupancies": torch.zeros(4)}, "at least one atom"),
        ({"positions": torch.rand(4, 3), "method": "guess"}, "method"),
        ({"positions": torch.rand(4, 3), "transform": "guess"}, "transform"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate(**arguments)


def test_the_r_grid_is_diffpys():
    settings = PDFSettings(rmin=1.005, rmax=2.0, rstep=0.01)
    assert settings.r[0] == pytest.approx(1.01)
    assert settings.r[-1] == pytest.approx(1.99)
    assert len(PRESETS["mlg"].r) == 300
    assert len(PRESETS["deepstruc"].r) == 3000
