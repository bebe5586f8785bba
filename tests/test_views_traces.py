"""Pieces of figures: sticks stand where they should, stops name what they change, colours survive a round trip."""

import numpy as np
import pytest

from deepstruc_lib.views.colors import hex_codes, on_scale, rgb, with_opacity
from deepstruc_lib.views.theme import PALETTE, figure, slider
from deepstruc_lib.views.traces import frame, line, range_with_room, sticks


def test_every_stick_stands_upright_on_the_base_and_is_drawn_alone():
    x, y = sticks(np.array([1.0, 2.5]), np.array([3.0, 0.5]), base=-2)
    np.testing.assert_array_equal(x, [1, 1, 1, 2.5, 2.5, 2.5])
    np.testing.assert_array_equal(y, [-2, 1, np.nan, -2, -1.5, np.nan])


def test_a_stop_changes_only_the_traces_it_names():
    stops = [frame("a", {1: {"y": [5, 6]}}), frame("b", {1: {"y": [7, 8]}}, title="b")]
    traces = [line([0, 1], [1, 2]), line([0, 1], [3, 4])]
    made = figure(traces, frames=stops, alt="x", sliders=slider(stops, ""))
    assert [stop.traces for stop in made.frames] == [(1,), (1,)]
    assert [stop.data[0].y for stop in made.frames] == [(5, 6), (7, 8)]
    assert [stop.layout.title.text for stop in made.frames] == [None, "b"]


def test_an_axis_has_as_much_room_above_as_below():
    low, high = range_with_room(np.array([-1.0, 0.5, 3.0]))
    assert low < -1
    assert high - 3 == pytest.approx(-1 - low)


@pytest.mark.parametrize("color", PALETTE)
def test_a_colour_survives_the_way_to_numbers_and_back(color):
    assert hex_codes(np.array([rgb(color)])) == [color]


def test_opacity_keeps_the_colour():
    assert with_opacity("#1f7fc4", 0.5) == "rgba(31,127,196,0.5)"


def test_a_scale_grows_brighter_and_gives_equal_values_one_colour():
    colors = on_scale(np.array([2, 1, 3, 1]))
    np.testing.assert_array_equal(colors[1], colors[3])
    assert (np.diff(colors[[1, 0, 2]].sum(axis=1)) > 0).all()


def test_one_value_has_a_colour():
    assert on_scale(np.array([4.0, 4.0])).shape == (2, 3)
