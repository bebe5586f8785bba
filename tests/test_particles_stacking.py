"""Close packings: classes of words, patches, spheres."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from deepstruc_lib.particles import Recipe, same_shape, stacking_classes, stacking_motif, unit_positions
from deepstruc_lib.particles.stacking import CENTRES, STACKINGS, sphere_sizes

words = st.lists(st.sampled_from([1, 2]), min_size=2, max_size=9).map(
    lambda steps: "".join("ABC"[k % 3] for k in np.cumsum([0, *steps]))
)


def test_the_number_of_classes_is_known():
    assert [len(stacking_classes(layers)) for layers in range(3, 11)] == [2, 3, 6, 10, 20, 36, 72, 136]


def test_three_layers_are_hcp_or_fcc():
    assert stacking_classes(3) == ("ABA", "ABC")
    assert [stacking_motif(word) for word in stacking_classes(4)] == ["hcp", "faulted", "fcc"]


@settings(deadline=None, max_examples=40)
@given(word=words)
def test_reversal_and_relabelling_stay_in_the_class(word):
    classes = stacking_classes(len(word))
    images = {
        "".join(dict(zip("ABC", letters, strict=True))[letter] for letter in turned)
        for letters in permutations("ABC")
        for turned in (word, word[::-1])
    }
    assert len(images & set(classes)) == 1
    assert min(image for image in images if image.startswith("AB")) in classes


@settings(deadline=None, max_examples=40)
@given(word=words)
def test_layers_touch_without_overlap(word):
    positions = unit_positions(Recipe("StackedPatch", (word, 3, 3)))
    distances = cdist(positions, positions) + np.eye(len(positions))
    assert len(positions) == 9 * len(word)
    assert distances.min() == pytest.approx(1)


def test_two_stackings_are_homometric():
    for patch in ((3, 3), (4, 7)):
        twins = [unit_positions(Recipe("StackedPatch", (word, *patch))) for word in ("ABABCAB", "ABACBAB")]
        assert same_shape(*twins)


@pytest.mark.parametrize("word", ["", "AAB", "ABX", "abc"])
def test_an_impossible_word_is_refused(word):
    with pytest.raises(ValueError, match="needs letters A, B, C"):
        unit_positions(Recipe("StackedPatch", (word, 3, 3)))


@pytest.mark.parametrize("stacking", STACKINGS)
@pytest.mark.parametrize("centre", CENTRES)
def test_spheres_are_close_packed_inside(stacking, centre):
    size = sphere_sizes(stacking, centre, 600)[-1]
    family = {"twin": "TwinnedSphere", "fault": "FaultedSphere"}.get(stacking, "Sphere")
    parameters = (centre, size) if family != "Sphere" else (stacking, centre, size)
    positions = unit_positions(Recipe(family, parameters))
    distances = cdist(positions, positions) + 2 * np.eye(size)
    neighbours = (distances < 1.01).sum(axis=1)
    middle = np.linalg.norm(positions, axis=1) < 2
    assert distances.min() == pytest.approx(1)
    assert set(neighbours[middle]) == {12}


def test_magic_numbers_of_spheres():
    assert sphere_sizes("fcc", "atom", 150)[:7] == (1, 13, 19, 43, 55, 79, 87)
    assert sphere_sizes("fcc", "octahedral", 100) == (6, 14, 38, 68, 92)
    assert sphere_sizes("hcp", "atom", 60) == (1, 13, 19, 21, 39, 51, 57)


def test_a_twin_mirrors_and_a_fault_inverts():
    twin = unit_positions(Recipe("TwinnedSphere", ("atom", 201)))
    assert cdist(twin, twin * [1, 1, -1]).min(axis=1).max() < 1e-9
    fault = unit_positions(Recipe("FaultedSphere", ("octahedral_below", 104)))
    assert cdist(fault, -fault).min(axis=1).max() < 1e-9


def test_a_twin_has_one_hexagonal_layer_and_a_fault_two():
    def hexagonal_layers(recipe):
        positions = unit_positions(recipe)
        near = cdist(positions, positions) < 1.01
        # Of 12 neighbours of an hcp atom three pairs point in opposite directions, in fcc six.
        heights = Counter()
        for atom in np.flatnonzero(near.sum(axis=1) == 13):
            bonds = positions[near[atom]] - positions[atom]
            opposite = (cdist(bonds, -bonds) < 1e-6).sum() - 1
            heights[round(float(positions[atom, 2]), 3)] += int(opposite == 6)
        return sum(count > 0 for count in heights.values())

    assert hexagonal_layers(Recipe("Sphere", ("fcc", "atom", 381))) == 0
    assert hexagonal_layers(Recipe("TwinnedSphere", ("atom", 381))) == 1
    assert hexagonal_layers(Recipe("FaultedSphere", ("atom", 312))) == 2


def test_a_sphere_of_an_impossible_size_names_the_possible_ones():
    with pytest.raises(ValueError, match=r"needs a number such as .*13, 19"):
        unit_positions(Recipe("Sphere", ("fcc", "atom", 14)))
    with pytest.raises(ValueError, match="needs one of"):
        unit_positions(Recipe("Sphere", ("bcc", "atom", 15)))
