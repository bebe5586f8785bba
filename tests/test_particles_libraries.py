"""The libraries hold exactly the shapes they promise, each once."""

from collections import Counter

import numpy as np
import pytest

from deepstruc_lib.particles import first_of_shape, shape_library, unit_positions
from deepstruc_lib.particles.distances import _candidates, _shape
from deepstruc_lib.particles.libraries import DEEPSTRUC_FAMILIES, deepstruc_candidates

COUNTS = {"SC": 19, "FCC": 8, "BCC": 19, "HCP": 106, "Icosahedron": 3, "Decahedron": 37, "Octahedron": 5}


def sizes(family):
    return [recipe.n_atoms for recipe in shape_library("deepstruc") if recipe.family == family]


def test_the_deepstruc_corpus_has_197_shapes():
    assert Counter(recipe.family for recipe in shape_library("deepstruc")) == COUNTS
    assert tuple(COUNTS) == DEEPSTRUC_FAMILIES


def test_the_deepstruc_sizes_are_the_published_ones():
    assert sizes("FCC") == [13, 43, 63, 87, 93, 135, 165, 171]
    assert sizes("Octahedron") == [6, 19, 44, 85, 146]
    assert sizes("Icosahedron") == [13, 55, 147]
    limits = {"SC": (7, 195), "BCC": (9, 181), "HCP": (6, 200), "Decahedron": (5, 192)}
    assert {family: (min(sizes(family)), max(sizes(family))) for family in limits} == limits


def test_duplicates_between_families_have_one_owner():
    assert 7 not in sizes("BCC")
    assert 19 not in sizes("FCC")


def test_no_index_beyond_the_ranges_of_cubic_families_would_fit():
    # Only rows of hcp cells and decahedra are stopped by the range of the indices; all else by 200 atoms.
    largest = [recipe for recipe in deepstruc_candidates() if recipe.parameters[0] == 10 and recipe.family != "HCP"]
    assert min(recipe.n_atoms for recipe in largest) > 200


def test_the_extended_library_contains_the_first_one_in_front():
    extended = shape_library("extended")
    assert extended[:197] == shape_library("deepstruc")
    assert len(extended) >= 1000
    assert max(recipe.n_atoms for recipe in extended) <= 1500


@pytest.mark.parametrize(
    "shape",
    [("FCC", 399), ("FCC", 1109), ("TwinnedSphere", 381), ("TruncatedDecahedron", 86)],
)
def test_the_extended_library_contains_the_best_known_fits(shape):
    assert shape in {(recipe.family, recipe.n_atoms) for recipe in shape_library("extended")}


def test_no_shape_of_the_extended_library_comes_twice():
    particles = [unit_positions(recipe) for recipe in shape_library("extended")]
    assert first_of_shape(particles) == list(range(len(particles)))


def test_the_tolerance_lies_in_a_wide_gap():
    # Rounding is below 1e-12; the two closest shapes that count as different are far above the tolerance.
    particles = [unit_positions(recipe) for recipe in shape_library("extended")]
    closest = min(
        float(np.abs(_shape(particles[first]) - _shape(particles[second])).max())
        for group in _candidates(particles)
        for place, first in enumerate(group)
        for second in group[:place]
    )
    assert closest > 1e-3


def test_an_unknown_library_is_refused():
    with pytest.raises(ValueError, match="deepstruc, extended"):
        shape_library("all")


def test_no_library_proposes_a_particle_that_was_fitted_to_a_measured_pdf():
    assert "MackayCore" not in {recipe.family for recipe in shape_library("extended")}
