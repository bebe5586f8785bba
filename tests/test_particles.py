"""Recipes build what ase.cluster builds, scale with the bond length, and survive a round trip."""

from collections import Counter

import ase.cluster
import numpy as np
import pytest
from ase.lattice.hexagonal import HexagonalClosedPacked
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from deepstruc_lib.particles import (
    FAMILIES,
    Recipe,
    au144_core,
    distance_list,
    first_of_shape,
    neighbour_counts,
    same_shape,
    shape_library,
    unit_positions,
)
from deepstruc_lib.particles.distances import moments

SURFACES = [(1, 0, 0), (1, 1, 0), (1, 1, 1)]
ROOT2 = float(np.sqrt(2))


def nearest(positions):
    return np.min(cdist(positions, positions) + np.diag(np.full(len(positions), np.inf)), axis=1)


@pytest.mark.parametrize(
    ("family", "builder", "lattice_constant"),
    [
        ("SC", ase.cluster.SimpleCubic, 1.0),
        ("FCC", ase.cluster.FaceCenteredCubic, ROOT2),
        ("BCC", ase.cluster.BodyCenteredCubic, 1.0),
    ],
)
@settings(deadline=None, max_examples=30)
@given(layers=st.tuples(*[st.integers(1, 5)] * 3))
def test_layered_crystals_equal_those_of_ase(family, builder, lattice_constant, layers):
    theirs = builder("Au", SURFACES, list(layers), latticeconstant=lattice_constant).positions
    ours = Recipe(family, layers).positions(1.0)
    np.testing.assert_allclose(distance_list(ours), distance_list(theirs), atol=1e-9)


@pytest.mark.parametrize(("length", "cut"), [(2, 0), (5, 0), (6, 0), (5, 2), (7, 2), (8, 3)])
def test_octahedra_equal_those_of_ase(length, cut):
    theirs = ase.cluster.Octahedron("Au", length, cutoff=cut, latticeconstant=ROOT2).positions
    recipe = Recipe("TruncatedOctahedron", (length, cut))
    np.testing.assert_allclose(distance_list(recipe.positions(1.0)), distance_list(theirs), atol=1e-9)


@pytest.mark.parametrize("sides", [1, 2, 3, 4])
@pytest.mark.parametrize("pqr", [(5, 2, 0), (6, 1, 0), (4, 1, 1)])
def test_a_truncated_decahedron_loses_whole_facets(pqr, sides):
    whole = Recipe("Decahedron", pqr).positions(1.0)
    cut = Recipe("TruncatedDecahedron", (*pqr, sides)).positions(1.0)
    # What is left is a piece of the decahedron: its atoms keep their places, seen from any one of them.
    shifts = whole - cut[0]
    assert any(cdist(cut + shift, whole).min(axis=1).max() < 1e-9 for shift in shifts)
    # Half of what it lost lay above: the mirror plane across the axis stays.
    assert cdist(cut, cut * [1, 1, -1]).min(axis=1).max() < 1e-9
    assert nearest(cut).max() == pytest.approx(1)


def test_a_decahedron_has_five_sides_and_loses_at_most_four():
    with pytest.raises(ValueError, match="needs 1 to 4"):
        Recipe("TruncatedDecahedron", (5, 1, 0, 5)).n_atoms  # noqa: B018 - building it is what raises


def test_hexagonal_blocks_equal_those_of_ase():
    theirs = HexagonalClosedPacked("Au", size=(2, 3, 4), latticeconstant={"a": 2.5, "c": 1.633 * 2.5}).positions
    np.testing.assert_allclose(distance_list(Recipe("HCP", (2, 3, 4)).positions(2.5)), distance_list(theirs), atol=1e-9)


def test_bond_length_is_the_nearest_distance_but_in_bcc_the_lattice_constant():
    for recipe in shape_library("deepstruc"):
        expected = np.sqrt(0.75) if recipe.family == "BCC" and recipe.n_atoms > 7 else 1
        # c/a = 1.633 is rounded, which moves hcp's bonds between layers by 5e-6.
        assert nearest(unit_positions(recipe)).min() == pytest.approx(expected, abs=1e-5), recipe


def test_icosahedra_have_longer_bonds_within_a_shell():
    distances = distance_list(Recipe("Icosahedron", (2,)).positions(1.0))
    assert Counter(distances[:42].round(4)) == {1.0: 12, 1.0515: 30}


@pytest.mark.parametrize("name", ["deepstruc", "extended"])
def test_recipes_can_be_written_down_and_read_back(name):
    for recipe in shape_library(name):
        assert Recipe.from_json(recipe.to_json()) == recipe
        assert Recipe.from_name(recipe.name) == recipe
    assert len({recipe.name for recipe in shape_library(name)}) == len(shape_library(name))


@settings(deadline=None)
@given(d=st.floats(0.5, 10))
def test_positions_scale_with_the_bond_length(d):
    recipe = Recipe("Decahedron", (3, 2, 1))
    np.testing.assert_array_equal(recipe.positions(d), d * recipe.positions(1.0))
    assert np.abs(recipe.positions(d).mean(axis=0)).max() < 1e-12 * d


def test_build_names_the_recipe():
    atoms = Recipe("Icosahedron", (3,)).build("Au", 2.88)
    assert atoms.get_chemical_formula() == "Au55"
    assert atoms.info["recipe"] == "Icosahedron(3)"


def test_every_motif_is_one_of_the_known():
    motifs = Counter(recipe.motif for recipe in shape_library("extended"))
    assert set(motifs) == {"fcc", "hcp", "bcc", "sc", "icosahedral", "decahedral", "twinned", "faulted"}
    assert Recipe("Octahedron", (4,)).motif == "fcc"
    assert Recipe("Sphere", ("hcp", "atom", 13)).motif == "hcp"
    # The core fitted to a measured PDF is in no library, so that no method proposes it.
    unlisted = {"StackedPatch", "MackayCore"}
    assert {recipe.family for recipe in shape_library("extended")} == set(FAMILIES) - unlisted


@pytest.mark.parametrize(
    ("family", "parameters", "message"),
    [
        ("Cube", (1,), "needs one of SC"),
        ("FCC", (1, 2), r"needs the parameters \(h, k, l\)"),
        ("TwinnedSphere", ("atom",), r"\(centre, atoms\)"),
    ],
)
def test_a_wrong_recipe_says_what_is_needed(family, parameters, message):
    with pytest.raises(ValueError, match=message):
        Recipe(family, parameters)


@pytest.mark.parametrize("bond_length", [0, -1, np.nan, np.inf])
def test_a_bond_length_is_positive(bond_length):
    with pytest.raises(ValueError, match="positive"):
        Recipe("Icosahedron", (2,)).positions(bond_length)


@pytest.mark.parametrize("name", ["Decahedron", "Decahedron(5,1", "FCC()"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="needs"):
        Recipe.from_name(name)


def test_moments_are_those_of_the_distance_list():
    distances = distance_list(unit_positions(Recipe("HCP", (2, 3, 5))))
    root_mean_square, fourth = moments(unit_positions(Recipe("HCP", (2, 3, 5))))
    assert root_mean_square == pytest.approx(np.sqrt((distances**2).mean()))
    assert fourth == pytest.approx((distances**4).mean() / (distances**2).mean() ** 2)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 10))
def test_a_shape_survives_rotation_reflection_permutation_and_scale(seed, scale):
    random = np.random.default_rng(seed)
    orthogonal, _ = np.linalg.qr(random.normal(size=(3, 3)))
    original = unit_positions(Recipe("Decahedron", (2, 2, 1)))
    moved = scale * random.permutation(original) @ orthogonal + random.normal(size=3)
    assert same_shape(original, moved)
    assert first_of_shape([original, unit_positions(Recipe("FCC", (2, 2, 2))), moved]) == [0, 1, 0]


def test_one_atom_moved_makes_another_shape():
    original = unit_positions(Recipe("FCC", (2, 3, 3)))
    moved = original.copy()
    moved[0] += 1e-3
    assert not same_shape(original, moved)
    assert first_of_shape([original, moved]) == [0, 1]


def test_the_au144_core_has_icosahedral_shells():
    positions, uiso = au144_core()
    assert [len(au144_core(shells)[0]) for shells in (1, 2, 3, 4)] == [12, 54, 114, 144]
    assert Counter(uiso.tolist()) == {0.0016: 12, 0.0054: 42, 0.0117: 60, 0.0445: 30}
    radii = Counter(np.linalg.norm(positions, axis=1).round(3))
    assert radii == {2.614: 12, 4.709: 30, 5.521: 12, 6.874: 60, 8.733: 30}
    assert nearest(positions).min() > 2.7
    assert np.linalg.matrix_rank(positions) == 3


def test_the_au144_core_is_chiral():
    positions, _ = au144_core(3)
    # The inner 54 atoms are centrosymmetric, the outer 60 are not.
    assert cdist(positions[:54], -positions[:54]).min(axis=1).max() < 1e-9
    assert cdist(positions[54:], -positions[54:]).min(axis=1).min() > 0.1


def test_the_au144_core_counts_its_shells():
    with pytest.raises(ValueError, match="needs 1 to 4"):
        au144_core(5)


def test_an_atom_of_an_icosahedron_has_its_neighbours_at_two_distances():
    distances, neighbours = neighbour_counts(unit_positions(Recipe("Icosahedron", (2,))))
    assert distances[:2] == pytest.approx([1, 1.0515], abs=1e-4)
    assert neighbours[:2] == pytest.approx([2 * 12 / 13, 2 * 30 / 13])


def test_every_other_atom_is_counted_as_a_neighbour_once():
    for recipe in (Recipe("HCP", (2, 3, 4)), Recipe("Decahedron", (3, 2, 1))):
        assert neighbour_counts(recipe.positions(2.7))[1].sum() == pytest.approx(recipe.n_atoms - 1)
