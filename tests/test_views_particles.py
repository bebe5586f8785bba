"""Figures of particles, radii and splits: every shape, element and structure is drawn once, in its place."""

import numpy as np
import pytest
from ase.data import atomic_numbers

from deepstruc_lib.corpora import METALLIC_RADII, corpus
from deepstruc_lib.particles import Recipe, shape_library, unit_positions
from deepstruc_lib.scattering import PRESETS
from deepstruc_lib.views.chapters.particles import distance_rows, shared_radii, sizes_by_family
from deepstruc_lib.views.chapters.splits import split_map


@pytest.fixture(scope="module")
def deepstruc():
    return corpus("deepstruc", PRESETS["deepstruc_published"].replace(rstep=0.1, rmax=5.0), cache=False)


def test_every_shape_has_its_tick():
    library = shape_library("deepstruc")
    made = sizes_by_family(library, alt="Sizes.")
    assert sorted(n for trace in made.data for n in trace.x) == sorted(recipe.n_atoms for recipe in library)
    assert len(made.data) == 7


def test_the_bars_of_the_radii_hold_every_element_once():
    made = shared_radii(METALLIC_RADII, alt="Radii.")
    listed = " ".join(made.data[0].text).split()
    assert sorted(listed) == sorted(METALLIC_RADII)
    assert all(symbol in atomic_numbers for symbol in listed)
    assert sum(made.data[0].x) == 28


def test_rows_of_distances_do_not_overlap():
    particles = {name: unit_positions(Recipe.from_name(name)) for name in ("SC(2,2,2)", "BCC(2,3,3)", "Octahedron(4)")}
    made = distance_rows(particles, 2.0, alt="Distances.")
    for row, trace in enumerate(made.data):
        assert np.nanmin(trace.y) == -row
        assert np.nanmax(trace.y) < 1 - row
        assert np.nanmax(trace.x) <= 2


def test_the_map_of_a_split_has_every_structure_in_its_part(deepstruc):
    made = split_map(deepstruc, {"random": "at random", "shape": "by shape"}, alt="Splits.")
    by_chance, by_shape = (trace.z for trace in made.data[:2])
    assert by_chance.shape == (197, 19)
    assert [(by_chance == part).sum() for part in range(3)] == [2245, 749, 749]
    assert (by_shape == by_shape[:, :1]).all()


def test_a_map_of_structures_in_several_parts_is_refused():
    mlg = corpus("mlg", PRESETS["mlg"].replace(rmax=5.0), cache=False)
    with pytest.raises(ValueError, match="several parts"):
        split_map(mlg, {"random": "at random"}, alt="Splits.")
