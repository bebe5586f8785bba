"""The differentiable forward model is the fit's own curve, has true gradients, and does no work for unseen atoms."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from deepstruc_lib.corpora.measured_like import noisy
from deepstruc_lib.files import PDF
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.scattering.histogram import distance_histogram
from deepstruc_lib.scattering.noise import NOISE_RANGE
from deepstruc_lib.scattering.settings import B_PER_U
from deepstruc_lib.solving.fit import fit
from deepstruc_lib.solving.forward import ForwardModel
from deepstruc_lib.solving.near import near_atoms, near_pairs
from deepstruc_lib.solving.pairs import DistanceList
from deepstruc_lib.solving.target import DEFAULT_RANGE, REACH_MARGIN, FitTarget, model

SETTINGS = PDFSettings(qmin=0.8, qmax=20, qdamp=0.04, rmax=22, rstep=0.02, biso=0.8, delta2=2.5)
TRUTH = Recipe("Octahedron", (4,))
VALUES = {"scale": 0.6, "stretch": 1.01, "biso": 0.9, "delta2": 2.0}


def measured(recipe: Recipe = TRUTH) -> PDF:
    g = 0.7 * simulate(torch.from_numpy(recipe.positions(2.81)), SETTINGS).numpy()
    return PDF(SETTINGS.r, g, qmin=SETTINGS.qmin, qmax=SETTINGS.qmax, qdamp=SETTINGS.qdamp)


TARGET = FitTarget(measured())
MODEL = ForwardModel.of(TARGET, dtype=torch.float64)
# Few points and short waves, so that numerical derivatives of everything stay quick.
SMALL = ForwardModel.of(FitTarget(measured(), (2.0, 7.0)), dtype=torch.float64)


def rattled(recipe: Recipe = TRUTH, seed: int = 0, bond: float = 2.8) -> torch.Tensor:
    positions = recipe.positions(bond)
    return torch.from_numpy(positions + 0.1 * np.random.default_rng(seed).normal(size=positions.shape))


def relative(ours, theirs) -> float:
    ours, theirs = (torch.as_tensor(x).detach().double() for x in (ours, theirs))
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("full", [False, True])
def test_it_is_the_curve_of_the_fit(full):
    found = fit(TARGET, TRUTH.positions(2.8))
    ours = ForwardModel.of(TARGET, full=True, dtype=torch.float64)
    values = {name: getattr(found, name) for name in VALUES}
    assert relative(ours(torch.from_numpy(TRUTH.positions(2.8)), **values), found.g_fit) < 1e-6
    # Also with no two distances alike, some of them beyond reach, at other values.
    positions = rattled(Recipe("HCP", (2, 2, 8)))
    distances = np.sort(pdist(positions.numpy()))
    reach = REACH_MARGIN * TARGET.longest / VALUES["stretch"]
    assert distances[-1] > reach
    shape = DistanceList(distances, np.ones_like(distances), len(positions)).up_to(reach)
    f, _ = model(shape, TARGET.q, VALUES)
    theirs = VALUES["scale"] * f @ (TARGET.full_matrix if full else TARGET.matrix)
    ours = ForwardModel.of(TARGET, full=full, dtype=torch.float64)
    assert relative(ours(positions, **VALUES, method="direct"), theirs) < 1e-10
    assert relative(ours(positions, **VALUES, method="histogram"), theirs) < 1e-4
    single = ForwardModel.of(TARGET, full=full)(positions.float(), **VALUES)
    assert single.dtype == torch.float32
    assert relative(single, theirs) < 1e-4


def test_its_points_are_those_of_the_fit():
    np.testing.assert_allclose(MODEL.r, TARGET.r_points)
    assert len(TARGET.r_points) == len(TARGET.points)
    assert TARGET.weights.sum() == pytest.approx(TARGET.qmax - TARGET.qmin)


def test_a_batch_is_its_particles_each_with_values_of_its_own():
    batch = torch.stack([rattled(seed=seed) for seed in range(3)])
    each = {name: value * torch.tensor([1.0, 1.02, 0.97], dtype=torch.float64) for name, value in VALUES.items()}
    each["qdamp"] = torch.tensor([0.0, 0.03, 0.06], dtype=torch.float64)
    for method in ("direct", "histogram"):
        together = MODEL(batch, **each, method=method)
        for number, curve in enumerate(together):
            alone = MODEL(batch[number], **{name: values[number] for name, values in each.items()}, method=method)
            assert relative(curve, alone) < 1e-12


def test_one_b_for_each_atom():
    positions = rattled()
    common = MODEL(positions, **VALUES, method="direct")
    each = torch.full((len(positions),), VALUES["biso"], dtype=torch.float64)
    assert relative(MODEL(positions, **(VALUES | {"biso": each})), common) < 1e-12
    each[:5] = 3.0
    settings = SETTINGS.replace(delta2=VALUES["delta2"])
    inner = FitTarget(PDF(settings.r, measured().g, qmin=settings.qmin, qmax=settings.qmax, qdamp=0.04), (2.0, 18.0))
    ours = ForwardModel.of(inner, full=True, dtype=torch.float64)(positions, biso=each, delta2=VALUES["delta2"])
    theirs = simulate(positions, settings, uiso=each / B_PER_U)
    assert relative(ours, theirs[torch.from_numpy(np.isin(settings.r.round(6), inner.r.round(6)))]) < 1e-9


@pytest.mark.parametrize("per_atom", [False, True])
def test_gradients_of_every_argument(per_atom):
    generator = torch.Generator().manual_seed(0)
    positions = torch.stack([rattled(Recipe("Octahedron", (2,)), seed) for seed in range(2)])

    def column(value: float, *shape: int) -> torch.Tensor:
        spread = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return (value * (1 + 0.1 * spread)).requires_grad_()

    arguments = (
        positions.requires_grad_(),
        column(0.8, *positions.shape[:2]),
        column(0.6, 2),
        column(1.0, 2),
        column(0.9, *((2, 6) if per_atom else (2,))),
        column(2.0, 2),
        column(0.04, 1),
    )

    def curve(positions, occupancies, scale, stretch, biso, delta2, qdamp):
        return SMALL(positions, occupancies=occupancies, scale=scale, stretch=stretch, biso=biso, delta2=delta2,
                     qdamp=qdamp, method="direct")[:, ::10]  # fmt: skip

    assert torch.autograd.gradcheck(curve, arguments)


def test_both_routes_have_the_same_gradients_and_the_fit_the_same_slopes():
    positions = rattled()
    wanted = torch.tensor(TARGET.points)
    gradients = []
    for method in ("direct", "histogram"):
        leaves = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in VALUES.items()}
        leaf = positions.clone().requires_grad_()
        (MODEL(leaf, **leaves, method=method) - wanted).square().sum().backward()
        gradients.append([leaf.grad, *(leaves[name].grad for name in VALUES)])
    for one, other in zip(*gradients, strict=True):
        assert relative(other, one) < 1e-3
    distances = np.sort(pdist(positions.numpy()))
    f, slopes = model(DistanceList(distances, np.ones_like(distances), len(positions)), TARGET.q, VALUES)
    residual = VALUES["scale"] * f @ TARGET.matrix - TARGET.points
    for name, slope in zip(VALUES, gradients[0][1:], strict=True):
        column = f if name == "scale" else VALUES["scale"] * slopes[name]
        assert float(slope) == pytest.approx(2 * residual @ (column @ TARGET.matrix), rel=1e-9)


@pytest.mark.parametrize("method", ["direct", "histogram"])
def test_absent_atoms_change_nothing_wherever_they_lie(method):
    positions = rattled()
    padding = torch.tensor([[0.0, 0.0, 0.0], [1e4, 0.0, 0.0], [5.0, 5.0, 5.0]], dtype=torch.float64)
    padded = torch.cat([padding[:2], positions, padding[2:]])[None].requires_grad_()
    occupancies = torch.tensor([0.0] * 2 + [1.0] * len(positions) + [0.0], dtype=torch.float64)[None]
    alone = MODEL(positions, **VALUES, method=method)
    found = MODEL(padded, occupancies=occupancies, **VALUES, method=method)
    assert relative(found[0], alone) < 1e-12
    (gradient,) = torch.autograd.grad(found.square().sum(), padded)
    assert not gradient[occupancies == 0].any()
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("method", ["direct", "histogram"])
def test_an_atom_that_has_drifted_away_only_counts_in_n(method):
    positions = rattled()
    away = torch.cat([positions, positions.new_tensor([[0.0, 3000.0, 0.0]])])
    ratio = len(positions) / len(away)
    assert relative(MODEL(away, **VALUES, method=method), ratio * MODEL(positions, **VALUES, method=method)) < 1e-12


def test_unseen_atoms_take_no_room():
    """Counted, not timed: what is left of particles that are half padding, or have lost most of their atoms."""
    positions = rattled(Recipe("Sphere", ("fcc", "atom", 201)))
    batch = torch.cat([positions, positions + 500.0 * torch.arange(1, 202)[:, None]]).expand(2, -1, 3)
    lost = near_atoms(batch, None, MODEL.reach)
    assert lost.positions.shape == (2, 201, 3)
    occupancies = torch.zeros(2, 402, dtype=torch.float64)
    occupancies[0, :150] = occupancies[1, 50:150] = 1
    near = near_atoms(batch, occupancies, MODEL.reach)
    assert near.positions.shape == (2, 150, 3)
    assert near.extent < 30
    particle, first, second = near_pairs(near, 10.0)
    distances = (near.positions[particle, first] - near.positions[particle, second]).norm(dim=1)
    wanted = [(pdist(batch[0, :150].numpy()) <= 10).sum(), (pdist(batch[1, 50:150].numpy()) <= 10).sum()]
    assert torch.bincount(particle).tolist() == wanted
    assert float(distances.max()) <= 10


def test_the_sum_and_the_histogram_get_only_near_atoms_and_pairs(monkeypatch):
    particle, lost = rattled(), 1e5 * torch.arange(1, 301, dtype=torch.float64)[:, None].expand(-1, 3)
    positions = torch.cat([particle, lost, torch.zeros(5000, 3, dtype=torch.float64)])
    occupancies = (torch.arange(len(positions)) < len(particle) + len(lost)).double()
    given = []

    def counted_histogram(positions, *rest):
        given.append(tuple(positions.shape))
        return distance_histogram(positions, *rest)

    def counted_pairs(near, reach):
        found = near_pairs(near, reach)
        given.append((tuple(near.positions.shape), len(found[0])))
        return found

    monkeypatch.setattr("deepstruc_lib.solving.forward.distance_histogram", counted_histogram)
    monkeypatch.setattr("deepstruc_lib.solving.forward.near_pairs", counted_pairs)
    for method in ("histogram", "direct"):
        MODEL(positions, occupancies=occupancies, **VALUES, method=method)
    assert given == [(1, 44, 3), ((1, 44, 3), 44 * 43 // 2)]


def test_occupancies_that_are_learnt_may_come_back_from_zero():
    positions = rattled()
    occupancies = torch.ones(len(positions), dtype=torch.float64)
    occupancies[3] = 0
    occupancies.requires_grad_()
    (gradient,) = torch.autograd.grad(MODEL(positions, occupancies=occupancies, **VALUES).square().sum(), occupancies)
    assert gradient[3] != 0


def test_atoms_on_top_of_each_other_have_finite_gradients():
    positions = rattled()
    positions[1] = positions[0]
    for method in ("direct", "histogram"):
        leaf = positions.clone().requires_grad_()
        MODEL(leaf, **VALUES, method=method).square().sum().backward()
        assert torch.isfinite(leaf.grad).all()


def test_a_model_first_used_in_inference_mode_gives_gradients_later():
    with torch.inference_mode():
        ours = ForwardModel.of(TARGET)
        ours(rattled().float(), **VALUES)
    leaf = rattled().float().requires_grad_()
    ours(leaf, **VALUES).sum().backward()
    assert leaf.grad.abs().max() > 0


def test_autocast_leaves_the_precision_alone():
    ours, positions = ForwardModel.of(TARGET), rattled().float()
    for method in ("direct", "histogram"):
        wanted = ours(positions, **VALUES, method=method)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = ours(positions, **VALUES, method=method)
        assert found.dtype == torch.float32
        assert relative(found, wanted) < 1e-6


def test_adam_gets_from_a_rattled_particle_below_the_noise():
    target = FitTarget(noisy(measured(), 0.01, seed=1))
    ours, wanted = ForwardModel.of(target), torch.tensor(target.points).float()
    truth = torch.from_numpy(TRUTH.positions(2.81)).float()

    def misfit(positions: torch.Tensor, scale: torch.Tensor | float) -> torch.Tensor:
        return (ours(positions, biso=SETTINGS.biso, delta2=SETTINGS.delta2, scale=scale) - wanted).square().sum()

    free = [rattled(bond=2.81).float().requires_grad_(), torch.tensor(0.6, requires_grad=True)]
    optimiser = torch.optim.Adam(free, lr=0.01)
    for _ in range(150):
        optimiser.zero_grad()
        misfit(*free).backward()
        optimiser.step()
    with torch.no_grad():
        assert misfit(*free) < misfit(truth, 0.7)


def test_what_does_not_fit_is_refused():
    positions = rattled()
    with pytest.raises(ValueError, match="as the model was made"):
        MODEL(positions.float(), biso=1.0)
    with pytest.raises(ValueError, match="NaN"):
        MODEL(positions.clone().fill_(float("nan")), biso=1.0)
    with pytest.raises(ValueError, match="biso has shape"):
        MODEL(positions, biso=torch.ones(7))
    with pytest.raises(ValueError, match="stretch has shape"):
        MODEL(positions, biso=1.0, stretch=torch.ones(44))
    with pytest.raises(ValueError, match="with a B common"):
        MODEL(positions, biso=torch.ones(44), method="histogram")
    with pytest.raises(ValueError, match="all zero in a particle"):
        MODEL(positions, biso=1.0, occupancies=torch.zeros(44, dtype=torch.float64))


def test_noise_is_stated_over_the_range_of_the_fit():
    assert NOISE_RANGE == DEFAULT_RANGE
