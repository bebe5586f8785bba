"""The unit sphere and its satellites."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from deepstruc_lib.corpora import corpus
from deepstruc_lib.geometry import distance_rows, satellites, to_unit_sphere
from deepstruc_lib.particles import Recipe, unit_positions

# Least energies of Thomson's problem, https://en.wikipedia.org/wiki/Thomson_problem.
THOMSON = {4: 3.674234614, 5: 6.474691495, 6: 9.985281374, 11: 40.596450510, 12: 49.165253058, 20: 150.881568334}


def fcc_particles() -> dict[str, np.ndarray]:
    return {recipe.name: 2.77 * unit_positions(recipe) for recipe in corpus("mlg").recipes}


@pytest.mark.parametrize("name", ["FCC(2,2,2)", "FCC(3,4,4)", "Decahedron(3,1,0)", "HCP(3,4,5)"])
def test_first_atom_is_the_origin_and_the_last_lies_on_the_surface(name):
    sphere = to_unit_sphere(unit_positions(Recipe.from_name(name)))
    distances = np.linalg.norm(sphere.positions, axis=1)
    assert distances[0] == 0
    assert distances[-1] == pytest.approx(1, abs=1e-12)
    assert (np.diff(distances) > -1e-3).all()


def test_radius_gives_the_distances_back():
    positions = fcc_particles()["FCC(3,4,4)"]
    sphere = to_unit_sphere(positions)
    np.testing.assert_allclose(np.sort(pdist(sphere.radius * sphere.positions)), np.sort(pdist(positions)), atol=1e-12)


def test_place_scale_and_stored_order_do_not_matter():
    generator = np.random.default_rng(0)
    for positions in fcc_particles().values():
        moved = 0.7 * positions[generator.permutation(len(positions))] + [5, -40, 3]
        one, other = to_unit_sphere(positions), to_unit_sphere(moved)
        np.testing.assert_allclose(other.positions, one.positions, atol=1e-9)
        assert other.radius == pytest.approx(0.7 * one.radius)


def test_particles_cut_from_one_lattice_share_the_order_of_their_atoms():
    """In units of the bond: the places two fcc particles have in common come in the same order in both."""
    in_bonds = [sphere.positions * sphere.radius / 2.77 for sphere in map(to_unit_sphere, fcc_particles().values())]
    for one in in_bonds:
        for other in in_bonds:
            # At least the origin and its twelve neighbours, a whole shell in all five.
            np.testing.assert_allclose(one[:13], other[:13], atol=1e-4)
            mine, theirs = np.nonzero(cdist(one, other) < 1e-3)
            assert (np.diff(mine) > 0).all()
            assert (np.diff(theirs) > 0).all()


@pytest.mark.parametrize(("count", "energy"), THOMSON.items())
def test_satellites_have_the_least_energy_known(count, energy):
    points = satellites(count)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-12)
    assert (1 / pdist(points)).sum() == pytest.approx(energy, abs=1e-7)


@pytest.mark.parametrize(
    ("count", "cosines"), [(4, [-1 / 3]), (6, [-1, 0]), (12, [-1, -1 / np.sqrt(5), 1 / np.sqrt(5)])]
)
def test_satellites_are_tetrahedron_octahedron_and_icosahedron(count, cosines):
    points = satellites(count)
    products = np.sort((points @ points.T)[np.triu_indices(count, 1)])
    assert np.abs(products[:, None] - cosines).min(axis=1).max() < 1e-4
    assert np.abs(products[:, None] - cosines).min(axis=0).max() < 1e-4


@pytest.mark.parametrize("count", [4, 11, 50, 100])
def test_satellites_are_spread_evenly(count):
    points = satellites(count)
    assert np.linalg.norm(points.mean(axis=0)) < 0.02
    nearest = np.sort(cdist(points, points))[:, 1]
    assert nearest.min() > 0.8 * nearest.max()
    assert not points.flags.writeable


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_satellites_are_refused(count):
    with pytest.raises(ValueError, match="needs 4 or more"):
        satellites(count)


def test_rows_hold_the_distances_and_zero_for_dummies():
    positions = to_unit_sphere(fcc_particles()["FCC(2,2,2)"]).positions
    rows = distance_rows(positions, satellites(11), 25)
    assert rows.shape == (25, 36)
    np.testing.assert_array_equal(rows[:, :25], rows[:, :25].T)
    np.testing.assert_allclose(rows[0, :19], np.linalg.norm(positions, axis=1))
    np.testing.assert_allclose(rows[0, 25:], 1)
    assert not rows[19:].any()
    assert not rows[:, 19:25].any()
    with pytest.raises(ValueError, match="19 atoms"):
        distance_rows(positions, satellites(11), 18)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.zeros((1, 3)), "two atoms or more"),
        (np.zeros((4, 2)), "needs \\(atoms, 3\\)"),
        (np.zeros((4, 3)), "one place"),
        (np.full((4, 3), np.nan), "not finite"),
    ],
)
def test_what_is_no_particle_is_refused(positions, message):
    with pytest.raises(ValueError, match=message):
        to_unit_sphere(positions)
