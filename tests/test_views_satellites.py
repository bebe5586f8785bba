"""Figures of satellites: the drawn lengths are the distances, and both error axes say the same."""

import numpy as np
import pytest

from deepstruc_lib.geometry import satellites, to_unit_sphere, trilateration_errors
from deepstruc_lib.particles import Recipe
from deepstruc_lib.views.chapters.satellite_errors import error_curves, mark_levels
from deepstruc_lib.views.chapters.satellites import sphere_with_satellites
from deepstruc_lib.views.theme import figure


@pytest.fixture(scope="module")
def particle():
    return to_unit_sphere(Recipe.from_name("FCC(2,2,2)").positions(2.77))


@pytest.fixture(scope="module")
def records(particle):
    return trilateration_errors(particle, (4, 11), (0.0, 0.01, 0.03), procedures=("linear", "batch"), structures=2)


def points(trace):
    return np.stack([trace.x, trace.y, trace.z], axis=1)


def test_a_particle_is_drawn_whole_and_inside_the_sphere(particle):
    made = sphere_with_satellites(particle, (4, 11), atom=5, alt="x")
    sphere, atoms, chosen, outside, _ = map(points, made.data)
    drawn = np.concatenate([atoms, chosen])
    assert len(drawn) == len(particle.positions)
    np.testing.assert_allclose(chosen[0], particle.positions[5], atol=1e-6)
    for surface in (sphere[np.isfinite(sphere).all(axis=1)], outside):
        np.testing.assert_allclose(np.linalg.norm(surface, axis=1), 1, atol=1e-6)
    assert np.linalg.norm(drawn, axis=1).max() <= 1 + 1e-6


def test_every_stop_draws_the_distances_from_the_chosen_atom_to_its_satellites(particle):
    made = sphere_with_satellites(particle, (4, 11), atom=5, alt="x")
    assert [step.label for step in made.layout.sliders[0].steps] == ["4", "11"]
    for count, frame in zip((4, 11), made.frames, strict=True):
        places, rays = map(points, frame.data)
        np.testing.assert_allclose(places, satellites(count), atol=1e-6)
        lengths = np.linalg.norm(rays[1::3] - rays[0::3], axis=1)
        np.testing.assert_allclose(
            lengths, np.linalg.norm(satellites(count) - particle.positions[5], axis=1), atol=1e-6
        )
        assert np.isnan(rays[2::3]).all()


def test_both_axes_of_the_error_curves_tell_the_same(particle, records):
    layout = error_curves(records, marks={"target": 0.1}, alt="x").layout
    angstrom, radii = (10 ** np.array(axis.range) for axis in (layout.yaxis, layout.yaxis2))
    np.testing.assert_allclose(angstrom, radii * particle.radius)
    assert angstrom[0] < 0.1 < angstrom[1]


def test_a_level_runs_across_the_whole_figure_under_its_name():
    made = mark_levels(figure([{"x": [1, 10], "y": [2, 3]}, {"x": [0.1, 5], "y": [1, 1]}], alt="x"), {"target": 0.05})
    level = made.to_dict()["data"][-1]
    assert (level["name"], level["x"], level["y"]) == ("target", [0.1, 10], [0.05, 0.05])


def test_a_level_runs_across_curves_given_as_arrays():
    made = figure([{"x": np.array([0.3, 10.0]), "y": np.array([2.0, 3.0])}], alt="x")
    mark_levels(made, {"target": 0.05, "paper": 0.4})
    for trace, level in zip(made.data[1:], (0.05, 0.4), strict=True):
        assert (trace.x, trace.y) == ((0.3, 10.0), (level, level))


def test_levels_that_could_not_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="needs 4 or fewer"):
        mark_levels(figure([{"x": [0, 1], "y": [0, 1]}], alt="x"), {str(level): level for level in range(5)})


def test_exact_distances_have_no_curve_and_the_others_one_each(records):
    traces = error_curves(records, marks={}, alt="x").to_dict()["data"]
    names = [trace["name"] for trace in traces if "name" in trace]
    assert names == [
        f"{name}, {noise} %" for name in ("linear, each atom alone", "(b) all at once") for noise in (1, 3)
    ]
    first = [r["error_angstrom"] for r in records if r["noise"] == 0.01 and r["procedure"] == "linear"]
    np.testing.assert_allclose(traces[0]["y"], first)


def test_records_of_two_particles_or_of_none_are_refused(records):
    larger = [record | {"error_angstrom": 2 * record["error_angstrom"]} for record in records]
    with pytest.raises(ValueError, match="2 radii: needs some of one particle"):
        error_curves([*records, *larger], marks={}, alt="x")
    with pytest.raises(ValueError, match="0 radii: needs"):
        error_curves([record for record in records if record["noise"] == 0], marks={}, alt="x")
