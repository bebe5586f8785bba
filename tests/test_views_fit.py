"""Figures of fits: candidates keep order and group, misfit maps are relative, shares keep their intervals."""

from types import SimpleNamespace

import numpy as np
import pytest

from deepstruc_lib.particles import Recipe
from deepstruc_lib.solving import Candidate, shapes
from deepstruc_lib.views.chapters.library_fit import RISES, ranking, shares, valley

RECIPES = tuple(map(Recipe.from_name, ("Octahedron(3)", "Icosahedron(2)", "FCC(1,2,2)", "Octahedron(2)")))


@pytest.fixture
def candidates():
    found = (0.4, 0.1, 0.3, 0.2)
    return [Candidate(shape, SimpleNamespace(rw=rw)) for shape, rw in zip(shapes(RECIPES), found, strict=True)]


def test_a_ranking_shows_every_candidate_once_with_the_best_group_first(candidates):
    made = ranking(candidates, alt="x")
    assert [trace.name for trace in made.data] == ["Icosahedron", "Octahedron", "FCC"]
    assert [list(trace.y) for trace in made.data] == [[0.1], [0.2, 0.4], [0.3]]
    assert [list(trace.x) for trace in made.data] == [[13], [6, 19], [13]]
    assert made.data[1].text == ("Octahedron(2)", "Octahedron(3)")


def test_groups_can_be_motifs_and_have_symbols_of_their_own(candidates):
    made = ranking(candidates, "motif", alt="x")
    assert [trace.name for trace in made.data] == ["icosahedral", "fcc"]
    assert len({trace.marker.symbol for trace in made.data}) == 2


@pytest.mark.parametrize(("chosen", "by"), [([], "family"), (slice(None), "size")])
def test_an_empty_ranking_or_an_unknown_group_is_refused(candidates, chosen, by):
    some = candidates[chosen] if chosen else []
    with pytest.raises(ValueError, match="needs family or motif"):
        ranking(some, by, alt="x")


def test_a_map_does_not_change_when_all_misfits_grow_alike():
    x, y = np.linspace(-1, 1, 21), np.linspace(-2, 2, 11)
    rw = np.sqrt(1 + x**2 + y[:, None] ** 2)
    one, other = (valley(x, y, factor * rw, (0.0, 0.0), alt="x") for factor in (1, 3))
    assert len(one.data) == len(RISES) + 1
    np.testing.assert_allclose(one.data[0].z, other.data[0].z)


def test_a_line_lies_where_the_squares_have_risen_by_its_part():
    x, y = np.linspace(0, 1, 11), np.array([0.0, 1.0])
    rw = np.tile(np.sqrt(1 + x), (2, 1))
    z, level = np.array(valley(x, y, rw, (0, 0), alt="x").data[2].z), valley(x, y, rw, (0, 0), alt="x").data[2]
    assert np.interp(level.contours.value, z[0], x) == pytest.approx(RISES[2])


def test_a_map_of_another_shape_than_its_axes_is_refused():
    with pytest.raises(ValueError, match=r"needs positive values, \(2, 3\)"):
        valley(np.arange(3.0), np.arange(2.0), np.ones((3, 2)), (0, 0), alt="x")


def test_shares_are_per_cent_with_their_interval():
    (bars,) = shares(["a", "b"], [0.5, 1.0], [(0.4, 0.7), (0.9, 1.0)], alt="x").data
    np.testing.assert_allclose(bars.y, [50, 100])
    np.testing.assert_allclose(bars.error_y.array, [20, 0], atol=1e-9)
    np.testing.assert_allclose(bars.error_y.arrayminus, [10, 10])
