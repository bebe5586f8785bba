"""Figures of networks: every term has its line, ellipses lie one standard deviation from their means."""

import numpy as np
import pytest

from deepstruc_lib.views.chapters.network_diagram import network_diagram
from deepstruc_lib.views.chapters.networks import FLOOR, TERMS, latent_ellipses, misfit_plane, training_curves


def history(epochs, **columns):
    return np.rec.fromarrays(
        [60.0 * np.arange(1, epochs + 1), *(np.full(epochs, value) for value in columns.values())],
        names=["seconds", *columns],
    )


def test_each_stop_shows_the_terms_that_its_model_has():
    plain = history(3, loss=3.0, validation_distances=2.0, validation_radius=1.0)
    other = history(5, loss=4.0, validation_distances=3.0, validation_pdf=0.5)
    made = training_curves({"one": plain, "two": other}, alt="x")
    assert [frame.name for frame in made.frames] == ["one", "two"]
    terms = ("distances", "radius", "pdf")  # those that any of the models has
    assert [trace.name for trace in made.data] == [*(TERMS[term] for term in terms), "whole, training"]
    for frame, table in zip(made.frames, (plain, other), strict=True):
        for term, line in zip((*terms, None), frame.data, strict=True):
            column = "loss" if term is None else f"validation_{term}"
            assert np.isnan(line.y).all() if column not in table.dtype.names else (line.y == table[column]).all()
            np.testing.assert_allclose(line.x, table["seconds"] / 60)
    assert made.layout.xaxis.range[1] > 5


def test_a_term_that_vanishes_stays_on_the_logarithmic_axis():
    made = training_curves({"one": history(2, loss=1.0, validation_presence=0.0)}, alt="x")
    assert made.data[0].y == pytest.approx(FLOOR)


@pytest.mark.parametrize("histories", [{}, {"one": history(2, validation_presence=0.0)}])
def test_histories_without_a_loss_are_refused(histories):
    with pytest.raises(ValueError, match="with seconds and loss"):
        training_curves(histories, alt="x")


def test_an_ellipse_lies_one_standard_deviation_from_its_mean():
    means, stds = np.array([[0.0, 1.0], [5.0, -2.0]]), np.array([[0.1, 2.0], [1.0, 0.5]])
    made = latent_ellipses({"posterior": (means, stds), "prior": (means, 2 * stds)}, ("a", "b"), alt="x")
    for trace, factor in ((made.data[0], 1), (made.data[2], 2)):
        outline = np.stack([trace.x, trace.y], axis=1).reshape(2, -1, 2)
        assert np.isnan(outline[:, -1]).all()  # the pen is lifted between two ellipses
        relative = (outline[:, :-1] - means[:, None]) / stds[:, None]
        np.testing.assert_allclose((relative**2).sum(-1), factor**2)
    np.testing.assert_array_equal(np.stack([made.data[1].x, made.data[1].y], axis=1), means)


def test_the_diagram_has_every_part_and_dashes_what_only_training_needs():
    made = network_diagram(alt="x")
    words = [note.text for note in made.layout.annotations if not note.showarrow]
    assert len(words) == len(made.layout.shapes) == 7
    dashed = {name for name, box in zip(words, made.layout.shapes, strict=True) if box.line.dash == "dash"}
    assert dashed == {"structure<br>s", "encoder<br>q(z|s, x)"}
    assert sum(note.showarrow for note in made.layout.annotations) == 7


@pytest.mark.parametrize("shape", [(2, 8), (3, 2)])
def test_only_a_plane_and_a_name_each_can_be_drawn(shape):
    with pytest.raises(ValueError, match="needs two numbers each"):
        latent_ellipses({"prior": (np.zeros(shape), np.ones(shape))}, ("a", "b"), alt="x")


def test_the_plane_keeps_every_error_and_every_point():
    made = misfit_plane(
        {"size": (("1 %", "2 %"), (0.1, 0.2), (0.9, 0.8))}, {"one": (0.5, 0.7), "two": (0.4, 0.6)}, alt="x"
    )
    assert [trace.name for trace in made.data] == ["size", "one", "two"]
    assert [(trace.x[0], trace.y[0]) for trace in made.data[1:]] == [(0.5, 0.7), (0.4, 0.6)]
    assert made.data[0].text == ("1 %", "2 %")
    assert made.data[1].marker.symbol != made.data[2].marker.symbol
