"""Figures: words are required, the palette can be seen on both grounds, sliders fit their frames."""

import numpy as np
import pytest

from deepstruc_lib.views import figure, glue, slider
from deepstruc_lib.views.theme import DARK_GROUND, PALETTE


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", PALETTE)
@pytest.mark.parametrize("ground", ["#ffffff", DARK_GROUND])
def test_every_colour_is_seen_on_both_grounds(color, ground):
    assert contrast(color, ground) >= 3


@pytest.mark.parametrize("alt", ["", " ", None])
def test_a_figure_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="a sentence that says what the figure shows"):
        figure(alt=alt)


def test_a_figure_carries_its_words_and_its_own_meta():
    made = figure([{"y": [1, 2]}], alt=" A rise. ", meta={"unit": "Å"})
    assert made.layout.meta == {"unit": "Å", "alt": "A rise."}


def test_a_slider_has_a_stop_for_every_frame():
    frames = [{"name": "a", "data": []}, {"name": "b", "data": []}]
    made = figure([{"y": [1]}], frames=frames, alt="x", sliders=slider(frames, "Kind: "))
    stops = [list(step.args[0]) for step in made.layout.sliders[0].steps]
    assert stops == [["a"], ["b"]]


def test_a_nameless_frame_is_refused():
    with pytest.raises(ValueError, match="needs a name for each"):
        slider([{"name": None}], "x")


def test_glue_leaves_the_mark_the_book_reads(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *data, **options: shown.append((data, options)))
    glue("error", 0.1234, ".2f")
    (data,), options = shown[0]
    assert data == {"application/papermill.record/text/plain": "'0.12'"}
    assert options["metadata"]["scrapbook"]["name"] == "error"
