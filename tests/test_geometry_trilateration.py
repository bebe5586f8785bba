"""Distances back to positions."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from deepstruc_lib.geometry import (
    linear_positions,
    satellites,
    to_unit_sphere,
    trilaterate,
    trilaterate_sequentially,
    trilateration_errors,
)
from deepstruc_lib.particles import Recipe, unit_positions


def sphere(name: str = "FCC(2,2,2)"):
    return to_unit_sphere(2.77 * unit_positions(Recipe.from_name(name)))


def measured(name: str = "FCC(2,2,2)", count: int = 11, noise: float = 0.0, structures: int = 1, seed: int = 0):
    """Distances with noise of their own in each structure: arguments of trilaterate, and the truth."""
    generator = torch.Generator().manual_seed(seed)
    truth, points = torch.tensor(sphere(name).positions), torch.tensor(satellites(count))
    atoms = len(truth)
    error = torch.randn(structures, atoms, atoms, dtype=torch.float64, generator=generator).triu(1)
    outward = torch.randn(structures, atoms, count, dtype=torch.float64, generator=generator)
    between = torch.cdist(truth, truth) * (1 + noise * (error + error.mT))
    to_satellites = torch.cdist(truth, points) * (1 + noise * outward)
    return (between, to_satellites, points, torch.ones(structures, atoms, dtype=torch.bool)), truth


def mean_error(found, truth) -> float:
    return float(np.linalg.norm(np.asarray(found) - np.asarray(truth), axis=-1).mean())


@pytest.mark.parametrize("count", [4, 11, 100])
@pytest.mark.parametrize("name", ["FCC(2,2,2)", "FCC(3,4,4)", "Icosahedron(3)"])
def test_positions_come_back_from_exact_distances(name, count):
    arguments, truth = measured(name, count)
    for polish in (0, 100):
        torch.testing.assert_close(trilaterate(*arguments, polish=polish)[0], truth, atol=1e-6, rtol=0)


def test_positions_come_back_atom_after_atom():
    (between, outward, points, _), truth = measured()
    found = trilaterate_sequentially(between[0].numpy(), outward[0].numpy(), points.numpy())
    np.testing.assert_allclose(found, truth, atol=1e-4)
    np.testing.assert_array_equal(found[0], 0)


@pytest.mark.parametrize("count", [4, 11])
def test_polish_ends_where_the_sum_of_squares_is_level(count):
    arguments, truth = measured("FCC(3,4,4)", count, noise=0.01)
    between, outward, points = (values.squeeze(0) for values in arguments[:3])
    first, second = np.triu_indices(len(truth), 1)

    def slope(positions):
        places = positions.clone().requires_grad_()
        pairs = (places[first] - places[second]).norm(dim=1) - between[first, second]
        to_satellites = (places[:, None] - points).norm(dim=2) - outward
        return torch.autograd.grad(pairs.square().sum() + to_satellites.square().sum(), places)[0][1:].norm()

    assert slope(trilaterate(*arguments)[0]) < 1e-3 * slope(truth)


def test_satellites_that_nearly_lie_in_a_plane_do_not_throw_atoms_far_away():
    """Four satellites that are 0.0004 thick: the linear positions are 27 radii off."""
    (between, _, _, present), truth = measured("FCC(3,4,4)", 4, noise=0.01, structures=4)
    drawn = [[-0.9551, 0.164, -0.2469], [0.4517, -0.3129, 0.8355], [0.3958, -0.4324, 0.8102], [0.4507, 0.5237, 0.7230]]
    points = torch.nn.functional.normalize(torch.tensor(drawn, dtype=torch.float64))
    noise = 1 + 0.01 * torch.randn(4, 87, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    outward = torch.cdist(truth, points) * noise
    found = trilaterate(between, outward, points, present)
    assert mean_error(found, truth) < 0.01


@pytest.mark.parametrize("count", [4, 11])
def test_polish_is_better_than_the_papers_procedure_and_the_linear_start(count):
    arguments, truth = measured("FCC(2,3,3)", count, noise=0.01, structures=4)
    polished = mean_error(trilaterate(*arguments), truth)
    between, outward, points = (values.numpy() for values in arguments[:3])
    sequential = [trilaterate_sequentially(*one, points) for one in zip(between, outward, strict=True)]
    assert polished < mean_error(np.stack(sequential), truth)
    assert polished < mean_error(trilaterate(*arguments, polish=0), truth)


def test_no_untried_extrapolation_is_returned_when_the_steps_are_used_up():
    arguments, _ = measured("FCC(3,4,4)", 4, noise=0.3, structures=20)
    between, outward, points, _ = arguments
    between = ((between + between.mT) / 2).clamp_min(0)

    def stress(found):
        pairs = (torch.cdist(found, found) - between).square().triu(1).sum((1, 2))
        return pairs + (torch.cdist(found, points) - outward.clamp_min(0))[:, 1:].square().sum((1, 2))

    fits = torch.stack([stress(trilaterate(*arguments, polish=steps)) for steps in range(1, 16)])
    # A step that was tried may fit worse by some tenths of a per cent; extrapolations here do by up to 8 %.
    assert (fits.diff(dim=0) / fits[:-1]).max() < 0.01


def test_error_grows_in_proportion_to_the_noise():
    errors = [
        mean_error(trilaterate(*arguments), truth) for arguments, truth in (measured(noise=n) for n in (0.001, 0.01))
    ]
    assert errors[1] / errors[0] == pytest.approx(10, rel=0.05)


def test_turning_particle_and_satellites_turns_the_result():
    (between, outward, points, present), _ = measured(noise=0.02)
    turn = torch.tensor(-Rotation.random(rng=np.random.default_rng(0)).as_matrix())
    for polish in (0, 100):
        plain = trilaterate(between, outward, points, present, polish=polish)
        turned = trilaterate(between, outward, points @ turn, present, polish=polish)
        torch.testing.assert_close(turned, plain @ turn, atol=1e-5, rtol=0)


def test_a_structure_does_not_depend_on_its_batch_nor_on_its_padding():
    arguments, _ = measured(noise=0.02, structures=3)
    between, outward, points, present = arguments
    together = trilaterate(*arguments)
    alone = [trilaterate(between[i : i + 1], outward[i : i + 1], points, present[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-9, rtol=0)
    # What stands where nothing is, be it NaN, is not read.
    padded = torch.full((3, 24, 24), torch.nan, dtype=torch.float64)
    padded[:, :19, :19] = between
    to_satellites = torch.full((3, 24, 11), torch.nan, dtype=torch.float64)
    to_satellites[:, :19] = outward
    found = trilaterate(padded, to_satellites, points, torch.arange(24).expand(3, -1) < 19)
    torch.testing.assert_close(found[:, :19], together, atol=1e-6, rtol=0)
    assert not found[:, 19:].any()


def test_float32_is_as_good_as_the_noise_allows():
    (between, outward, points, present), truth = measured("FCC(3,4,4)", noise=0.01, structures=2)
    single = trilaterate(between.float(), outward.float(), points, present)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), trilaterate(between, outward, points, present), atol=2e-4, rtol=0)
    assert mean_error(single, truth) < 0.01


def test_asymmetric_distances_count_as_their_mean_and_negative_ones_as_zero():
    (between, outward, points, present), _ = measured(noise=0.01)
    skew = torch.randn(19, 19, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).triu(1)
    found = trilaterate(between + skew - skew.mT, outward, points, present)
    torch.testing.assert_close(found, trilaterate(between, outward, points, present), atol=1e-6, rtol=0)
    outward[0, 3, 2] = -0.1
    negative = trilaterate(between, outward, points, present)
    outward[0, 3, 2] = 0
    torch.testing.assert_close(negative, trilaterate(between, outward, points, present), atol=0, rtol=0)


def test_particles_of_one_and_two_atoms():
    points = torch.tensor(satellites(4))
    for truth in (torch.zeros(1, 3).double(), torch.tensor([[0.0, 0, 0], [0, 0.6, 0.8]]).double()):
        outward = torch.cdist(truth, points)[None]
        found = trilaterate(torch.cdist(truth, truth)[None], outward, points, torch.ones(1, len(truth)).bool())
        torch.testing.assert_close(found[0], truth, atol=1e-6, rtol=0)


def test_gradients_flow_through_the_linear_positions():
    (_, outward, points, _), _ = measured(noise=0.02)
    assert torch.autograd.gradcheck(linear_positions, (outward[0, :5].clone().requires_grad_(), points))


def test_study_gives_every_procedure_the_same_distances_and_reports_angstrom():
    particle = sphere()
    records = trilateration_errors(particle, (4, 11), (0.0, 0.02), structures=3)
    assert len(records) == 2 * 2 * 4
    by = {(record["satellites"], record["noise"], record["procedure"]): record for record in records}
    for count in (4, 11):
        assert by[count, 0.0, "batch"]["error"] < 1e-6
        assert by[count, 0.02, "batch"]["error"] == pytest.approx(by[count, 0.02, "alone"]["error"], rel=1e-6)
        assert by[count, 0.02, "batch"]["error"] < by[count, 0.02, "linear"]["error"]
    for record in records:
        assert record["error_angstrom"] == pytest.approx(record["error"] * particle.radius)
        assert record["seconds"] > 0
    anew = trilateration_errors(particle, (4,), (0.02,), placement="random", structures=2, seed=1)
    assert [record["procedure"] for record in anew] == ["sequential", "linear", "alone"]


FLAT = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0.6, 0.8, 0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"satellites": torch.eye(3).double()}, "3 satellites: needs 4 or more"),
        ({"satellites": FLAT}, "one plane"),
        ({"satellites": torch.zeros(4, 2)}, "needs \\(satellites, 3\\)"),
        ({"satellites": torch.full((11, 3), torch.nan)}, "satellites hold NaN"),
        ({"present": torch.zeros(1, 19, dtype=torch.bool)}, "has no atom"),
        ({"present": torch.arange(19)[None] > 0}, "first row is a dummy"),
        ({"present": torch.ones(1, 19)}, "needs bool"),
        ({"distances": torch.full((1, 19, 19), torch.nan)}, "NaN"),
        ({"satellite_distances": torch.full((1, 19, 11), torch.inf)}, "infinity"),
        ({"distances": torch.zeros(1, 19, 18)}, "distances of shape"),
        ({"distances": torch.zeros(1, 19, 19, dtype=torch.int64)}, "float64"),
        ({"satellite_distances": torch.zeros(1, 19, 10)}, "satellite_distances of shape"),
    ],
)
def test_distances_that_fix_nothing_are_refused(changed, message):
    given = dict(zip(("distances", "satellite_distances", "satellites", "present"), measured()[0], strict=True))
    with pytest.raises(ValueError, match=message):
        trilaterate(**(given | changed))


def test_wrong_shapes_are_refused_elsewhere_too():
    with pytest.raises(ValueError, match="11 satellites"):
        linear_positions(torch.zeros(3, 10), torch.tensor(satellites(11)))
    with pytest.raises(ValueError, match="needs"):
        trilaterate_sequentially(np.zeros((4, 4)), np.zeros((4, 5)), satellites(11))
    with pytest.raises(ValueError, match="placement"):
        trilateration_errors(sphere(), placement="odd")
    with pytest.raises(ValueError, match="procedures"):
        trilateration_errors(sphere(), procedures=("guess",))


def test_the_papers_procedure_is_the_sum_it_claims_to_minimise():
    """No step of a hundredth of the radius lowers the misfit of any atom to those before it."""
    (between, outward, points, _), _ = measured(noise=0.01)
    between, outward, points = between[0].numpy(), outward[0].numpy(), points.numpy()
    found = trilaterate_sequentially(between, outward, points)
    for atom in range(1, len(found)):
        fixed = np.concatenate([points, found[:atom]])
        lengths = np.concatenate([outward[atom], between[atom, :atom]])
        steps = np.concatenate([np.zeros((1, 3)), 0.01 * np.eye(3), -0.01 * np.eye(3)])
        inside = np.abs(found[atom] + steps).max(axis=1) <= 1
        misfit = ((cdist(found[atom] + steps, fixed) - lengths) ** 2).sum(axis=1)
        assert misfit[inside].argmin() == 0
