"""Names of structures: the motif from the bonds alone, the family where the shape is a known one."""

from collections import defaultdict

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from deepstruc_lib.geometry.packing import find_bonds, layer_word, packing
from deepstruc_lib.particles import Recipe, au144_core, shape_library, stacking_classes, unit_positions
from deepstruc_lib.solving.naming import Name, known_shape, name_structure, packing_motif, recipes_of_size, word_motif

BOND = 2.8
# A particle of each motif.
EXAMPLES = {
    "fcc": Recipe("Octahedron", (5,)),
    "hcp": Recipe("HCP", (2, 3, 4)),
    "bcc": Recipe("BCC", (3, 3, 3)),
    "sc": Recipe("SC", (2, 2, 3)),
    "icosahedral": Recipe("Icosahedron", (3,)),
    "decahedral": Recipe("Decahedron", (3, 2, 1)),
    "twinned": Recipe("TwinnedSphere", ("bond", 98)),
    "faulted": Recipe("FaultedSphere", ("atom", 96)),
}
CUBE = np.stack(np.meshgrid(*[np.arange(-3.0, 4.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def rattled(recipe, error, seed=0):
    rng = np.random.default_rng(seed)
    return (
        recipe.positions(BOND) + rng.normal(scale=error, size=(recipe.n_atoms, 3)) if error else recipe.positions(BOND)
    )


def random_packing(atoms, seed):
    """Soft spheres of diameter 1 pushed apart and held together by a weak pull to the centre."""
    rng = np.random.default_rng(seed)
    positions = rng.normal(size=(atoms, 3))
    radius = (0.2 * atoms) ** (1 / 3)
    positions *= radius * rng.random((atoms, 1)) ** (1 / 3) / np.linalg.norm(positions, axis=1, keepdims=True)
    for _ in range(150):
        apart = positions[:, None] - positions
        distances = np.linalg.norm(apart, axis=2) + 9 * np.eye(atoms)
        push = np.where(distances < 1, (1 - distances) / distances, 0)
        positions = positions + 0.25 * (push[..., None] * apart).sum(axis=1) - 0.002 * positions
    return positions


def share_right(library, error, step=1):
    """Of the motifs, when the shape itself is not among those compared with."""
    sizes = defaultdict(list)
    for recipe in shape_library(library):
        sizes[recipe.n_atoms].append(recipe)
    crystals = [recipe for recipe in shape_library(library) if recipe.n_atoms >= 13][::step]
    right = []
    for seed, recipe in enumerate(crystals):
        others = [other for other in sizes[recipe.n_atoms] if other != recipe]
        right.append(name_structure(rattled(recipe, error, seed), others).motif == recipe.motif)
    return np.mean(right)


@pytest.mark.parametrize("motif", EXAMPLES)
@pytest.mark.parametrize("error", [0, 0.1, 0.15])
def test_each_motif_is_read_from_the_bonds(motif, error):
    assert EXAMPLES[motif].motif == motif
    assert packing_motif(rattled(EXAMPLES[motif], error)) == motif


@pytest.mark.parametrize("motif", EXAMPLES)
def test_a_name_is_that_of_the_particle_however_it_is_written_down(motif):
    recipe = EXAMPLES[motif]
    positions = rattled(recipe, 0.05)
    rng = np.random.default_rng(5)
    turned = rng.permutation(positions) @ Rotation.random(rng=rng).as_matrix()
    for other in (turned, turned * [1, 1, -1], 0.1 * turned + 7, turned * [1, 1.03, 0.98]):
        assert name_structure(other, [recipe]) == Name(recipe.family, motif, recipe)
    assert packing_motif(positions) == packing_motif(positions)


@pytest.mark.parametrize(("error", "wanted"), [(0, 0.95), (0.1, 0.9)])
def test_motifs_of_some_shapes_are_right_without_the_shapes_themselves(error, wanted):
    assert share_right("deepstruc", error, step=6) >= wanted


@pytest.mark.slow
@pytest.mark.parametrize("library", ["deepstruc", "extended"])
@pytest.mark.parametrize(("error", "wanted"), [(0, 0.95), (0.1, 0.9)])
def test_motifs_of_all_shapes_are_right_without_the_shapes_themselves(library, error, wanted):
    assert share_right(library, error) >= wanted


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("centre", "atoms"), [("atom", 43), ("bond", 68), ("bond", 150)])
def test_a_random_packing_has_no_name_though_it_is_as_round_as_a_sphere(centre, atoms, seed):
    sphere = Recipe("TwinnedSphere", (centre, atoms))
    assert name_structure(random_packing(atoms, seed), [sphere]) == Name(None, None, None)


def test_a_heap_of_atoms_has_no_name():
    for atoms in (13, 43, 150):
        heap = np.random.default_rng(atoms).normal(size=(atoms, 3))
        assert name_structure(heap, shape_library("deepstruc")) == Name(None, None, None)


def test_flat_pieces_and_other_crystals_have_no_motif():
    assert packing_motif(CUBE[np.abs(CUBE[:, 2]) < 2]) == "sc"
    assert packing_motif(CUBE[CUBE[:, 2] == 0]) is None
    assert packing_motif(CUBE[(CUBE[:, 1] == 0) & (CUBE[:, 2] == 0)]) is None
    face_centred = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
    diamond = (CUBE[:, None] + np.concatenate([face_centred, face_centred + 0.25])).reshape(-1, 3)
    diamond = diamond[np.linalg.norm(diamond, axis=1) < 1.7]
    assert packing_motif(diamond) is None


@pytest.mark.parametrize("shells", [2, 3, 4])
def test_the_core_of_au144_is_icosahedral_under_its_other_surface(shells):
    core = au144_core(shells)[0]
    assert packing_motif(core) == "icosahedral"
    assert packing_motif(core + np.random.default_rng(0).normal(scale=0.1, size=core.shape)) == "icosahedral"


@pytest.mark.parametrize("error", [0, 0.1])
def test_the_word_of_a_stacking_is_read(error):
    letters = str.maketrans("ABC", "ACB")
    # A stacking of fcc alone has layers along four axes.
    for word in (word for word in stacking_classes(6) if word_motif(word) != "fcc"):
        positions = rattled(Recipe("StackedPatch", (word, 4, 5)), error)
        bonds = find_bonds(positions)
        found = packing(bonds, len(positions))
        assert found is not None
        read = layer_word(positions, bonds, found.rotation)
        # Which end is below and which of the two hollows is B is a matter of the point of view.
        renamed = [_renamed(way) for way in (read, read[::-1])]
        assert word in renamed + [way.translate(letters) for way in renamed]


def _renamed(word):
    names = dict(zip(dict.fromkeys(word), "ABC", strict=False))
    return "".join(names[letter] for letter in word)


def test_the_motif_of_a_word():
    motifs = {"ABCABC": "fcc", "ABABAB": "hcp", "ABCBA": "twinned", "ABCACB": "twinned", "ABCBCA": "faulted"}
    assert {word: word_motif(word) for word in motifs} == motifs
    assert word_motif("AB") is None


def test_a_shape_is_known_by_its_distances_at_any_scale():
    library = shape_library("deepstruc")
    rng = np.random.default_rng(3)
    for recipe in library[::20]:
        positions = recipe.positions(2.7)
        assert known_shape(positions + rng.normal(scale=0.01, size=positions.shape), library) == recipe
    assert known_shape(rng.normal(size=(43, 3)), library) is None
    assert known_shape(unit_positions(Recipe("FCC", (3, 3, 3)))[1:], library) is None


def test_family_is_told_of_known_shapes_only():
    recipe = Recipe("FCC", (3, 4, 4))
    library = shape_library("deepstruc")
    assert name_structure(recipe.positions(BOND), library) == Name("FCC", "fcc", recipe)
    assert name_structure(recipe.positions(BOND)[1:], library) == Name(None, "fcc", None)
    assert name_structure(recipe.positions(BOND), []) == Name(None, "fcc", None)


@pytest.mark.slow
def test_the_extended_library_is_compared_with_where_none_is_given():
    for atoms in (13, 201):
        assert recipes_of_size(atoms) == tuple(r for r in shape_library("extended") if r.n_atoms == atoms)
        for recipe in recipes_of_size(atoms):
            assert name_structure(recipe.positions(BOND)) == Name(recipe.family, recipe.motif, recipe)
    assert recipes_of_size(4) == ()


def test_small_shapes_are_known_though_their_motif_is_not():
    for recipe in (recipe for recipe in shape_library("deepstruc") if recipe.n_atoms < 13):
        assert name_structure(rattled(recipe, 0.05), shape_library("deepstruc")).recipe == recipe


def test_the_motif_of_the_bonds_decides_between_shapes_alike():
    """Two shapes of one size whose sorted distances errors confuse, of different motifs."""
    twin, crystal = Recipe("TwinnedSphere", ("atom", 201)), Recipe("Sphere", ("fcc", "atom", 201))
    for recipe in (twin, crystal):
        for pair in ([twin, crystal], [crystal, twin]):
            assert name_structure(rattled(recipe, 0.1), pair).recipe == recipe


def test_what_is_no_structure_is_refused():
    for positions in (np.zeros((1, 3)), np.full((4, 3), np.nan), np.zeros((4, 2))):
        with pytest.raises(ValueError, match="needs"):
            name_structure(positions, [])
    with pytest.raises(ValueError, match="on top of each other"):
        name_structure(np.zeros((4, 3)), [])
