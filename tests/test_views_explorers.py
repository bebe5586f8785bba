"""PDF figures, stand-ins and the explorer: what is drawn is what was simulated, and no kernel is needed to see it."""

import numpy as np
import pytest
import torch

from deepstruc_lib.files import MEASURED, DataUnavailable
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.views import pdf_figures, stand_ins
from deepstruc_lib.views.chapters.pdf_theory import mark_distances
from deepstruc_lib.views.explorers import CONTROLS, PDFExplorer
from deepstruc_lib.views.stand_ins import measured_pdfs, stand_in
from deepstruc_lib.views.widgets import PLOTLY

R = np.linspace(0, 10, 50)
SETTINGS = PDFSettings(rmax=15.0, rstep=0.05)


@pytest.fixture(scope="module")
def explorer():
    sizes = {f"{n} shells": Recipe("Icosahedron", (n,)).positions(2.8) for n in (2, 3)}
    return PDFExplorer(sizes, SETTINGS, size="3 shells")


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    monkeypatch.setattr("IPython.display.clear_output", lambda wait=False: None)
    return seen


def test_the_difference_is_drawn_to_scale_below_both_curves():
    made = pdf_figures.with_difference(R, np.sin(R), 0.9 * np.sin(R), alt="Two curves.")
    first, second, difference, zero = (trace.y for trace in made.data)
    assert np.allclose(difference - zero[0], first - second)
    assert difference.max() < min(first.min(), second.min())


def test_stacked_curves_never_cross():
    made = pdf_figures.stacked({"a": (R, np.sin(R)), "b": (R, 3 * np.cos(R)), "c": (R, -np.sin(R))}, alt="Three.")
    drawn = {trace.name: trace.y for trace in made.data}
    assert drawn["a"].min() > drawn["b"].max()
    assert drawn["b"].min() > drawn["c"].max()


def test_every_recorded_curve_is_a_stop_within_a_still_axis():
    curves = {"1": np.sin(R), "2": 5 * np.sin(R)}
    made = pdf_figures.recorded(R, curves, "Height: ", alt="A wave.", reference=("flat", np.zeros_like(R)))
    assert [frame.name for frame in made.frames] == ["1", "2"]
    assert np.allclose(made.frames[1].data[0].y, curves["2"], atol=1e-6)
    low, high = made.layout.yaxis.range
    assert low < -4.9
    assert high > 4.9


def test_a_slider_without_stops_is_refused():
    with pytest.raises(ValueError, match="no curve: needs one or more"):
        pdf_figures.recorded(R, {}, "x", alt="Nothing.")


def test_marks_stand_at_their_distances():
    made = pdf_figures.recorded(R, {"1": R}, "x", alt="A line.")
    mark_distances(made, [2.0, 3.0], ["one", "two"], ["#1f7fc4", "#d1600d"], 1.0)
    assert [note.x for note in made.layout.annotations] == [2.0, 3.0]


def test_the_explorer_draws_what_the_simulator_gives(explorer):
    explorer.move("2 shells", qmax=18.0, biso=1.0)
    positions = torch.from_numpy(Recipe("Icosahedron", (2,)).positions(2.8))
    exact = simulate(positions, SETTINGS.replace(qmax=18.0, biso=1.0)).numpy()
    assert np.abs(explorer.figure.data[0].y - exact).max() < 1e-3 * exact.max()


def test_a_moved_slider_redraws(explorer, shown):
    sliders, _ = explorer.widget().children
    before = explorer.figure.data[0].y.copy()
    sliders.children[1].value = 12.0
    assert len(shown) == 2
    assert not np.allclose(explorer.figure.data[0].y, before)


def test_there_is_a_slider_for_every_setting_and_the_size(explorer):
    sliders, _ = explorer.widget().children
    assert [child.value for child in sliders.children] == [
        *(getattr(SETTINGS, control.setting) for control in CONTROLS),
        "3 shells",
    ]


def test_a_page_without_a_kernel_gets_the_tour(explorer):
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    figure = bundle[PLOTLY]
    assert len(figure["frames"]) == 1 + sum(len(control.tour) for control in CONTROLS) + 1
    assert figure["layout"]["meta"]["alt"]


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="needs one of them"):
        PDFExplorer({"a": np.zeros((2, 3))}, size="b")


@pytest.mark.parametrize("name", MEASURED)
def test_a_stand_in_has_the_grid_of_the_measurement_and_says_what_it_is(name):
    pdf, sample = stand_in(name), MEASURED[name]
    assert "stand-in" in pdf.source
    assert (pdf.qmin, pdf.qmax) == (sample.qmin, sample.qmax)
    assert pdf.rmax == pytest.approx(sample.rmax)
    assert pdf.rstep == pytest.approx(0.01)
    bonds = (pdf.r > 2.3) & (pdf.r < 3.4)
    assert pdf.r[bonds][pdf.g[bonds].argmax()] == pytest.approx(sample.first_peak, abs=0.06)


def test_an_unknown_stand_in_is_refused():
    with pytest.raises(ValueError, match="needs one of"):
        stand_in("Au25")


def test_without_data_all_five_are_stand_ins(monkeypatch):
    def unavailable(name):
        raise DataUnavailable(name)

    monkeypatch.setattr(stand_ins, "measured", unavailable)
    pdfs, real = measured_pdfs()
    assert not real
    assert list(pdfs) == list(MEASURED)
