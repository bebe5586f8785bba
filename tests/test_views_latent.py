"""Figures of the latent space and the explorer: every PDF at its place, and a click leads to the particle there."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("nglview")
from deepstruc_lib.corpora import corpus
from deepstruc_lib.models import ConditionalAutoencoder, CVAEConfig, generate
from deepstruc_lib.views.chapters.latent_planes import latent_maps, plane_map
from deepstruc_lib.views.chapters.latent_walks import atoms_along, shares_along, walk_figure
from deepstruc_lib.views.latent_explorer import PDF_COLOR, LatentExplorer
from deepstruc_lib.views.widgets import PLOTLY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nglview's and ipywidgets' own
CONFIG = CVAEConfig(n_atoms=19, encoder=(8,), prior=(8,), upsampling=(4, 4), decoder=(16,))
R = np.linspace(0, 10, 50)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return ConditionalAutoencoder(CONFIG).eval()


@pytest.fixture(scope="module")
def entries():
    return corpus("mlg").subset([0, 700, 2100])


@pytest.fixture(scope="module")
def explorer(network, entries):
    return LatentExplorer(network, dict(zip("abc", entries.pdfs, strict=True)), entries.settings, ("a", "c"), steps=3)


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda *things: seen.append(things))
    monkeypatch.setattr("IPython.display.clear_output", lambda wait=False: None)
    return seen


def test_every_pdf_is_in_each_map_once_under_its_kind():
    rng = np.random.default_rng(0)
    maps = {"one": rng.random((9, 2)), "other": rng.random((9, 2))}
    n_atoms = np.repeat([19, 43, 93], 3)
    made = latent_maps(maps, n_atoms, "{} atoms", list("abcdefghi"), alt="Two planes.")
    for number, points in enumerate(maps.values(), start=1):
        own = [trace for trace in made.data if trace.xaxis == f"x{number}".removesuffix("1")]
        assert [trace.name for trace in own] == ["19 atoms", "43 atoms", "93 atoms"]
        np.testing.assert_array_equal(np.concatenate([trace.x for trace in own]), points[:, 0])
        assert [text for trace in own for text in trace.text] == list("abcdefghi")
    assert sum(trace.showlegend for trace in made.data) == 3


def test_reals_are_a_scale_with_one_bar():
    maps = {"one": np.zeros((4, 2)), "other": np.ones((4, 2))}
    made = latent_maps(maps, np.linspace(2.4, 3, 4), "d (Å)", list("abcd"), alt="Two planes.")
    assert len(made.data) == 2
    assert [trace.marker.showscale for trace in made.data] == [True, False]
    assert made.layout.xaxis.domain[1] < made.layout.xaxis2.domain[0]


def test_the_plane_is_drawn_with_its_points_on_both_panels():
    n_atoms, valid = np.arange(6).reshape(2, 3), np.array([[True, False, True], [False, True, True]])
    points = np.array([[0.5, 0.5]])
    made = plane_map(np.arange(3.0), np.arange(2.0), n_atoms, valid, points, alt="A plane.")
    atoms, first, judged, second = made.data
    np.testing.assert_array_equal(atoms.z, n_atoms)
    np.testing.assert_array_equal(judged.z, valid)
    assert first.x == second.x == (0.5,)


def test_a_walk_starts_at_no_distance_from_a_and_ends_at_none_from_b():
    pdfs = np.stack([np.sin(R), 0.5 * np.sin(R), 0 * R])
    made = walk_figure(R, pdfs, (pdfs[0], pdfs[2]), [19, 43, 43], alt="A walk.")
    assert [frame.name for frame in made.frames] == ["0.0", "0.5", "1.0"]
    assert [frame.layout.annotations[0].text for frame in made.frames] == ["19 atoms", "43 atoms", "43 atoms"]
    at = [frame.data[1].y for frame in made.frames]
    assert at[0][0] == at[2][1] == 0
    assert at[1][0] == pytest.approx(np.mean(np.sin(R) ** 2) / 4)
    assert made.layout.meta["player"]
    assert made.layout.meta["alt"] == "A walk."


def test_steps_of_atoms_are_drawn_over_the_known_numbers():
    made = atoms_along({"cvae": np.array([19, 43, 93])}, [19, 43, 63, 93], alt="Steps.")
    assert [shape.y0 for shape in made.layout.shapes] == [19, 43, 63, 93]
    assert list(made.data[0].y) == [19, 43, 93]


def test_shares_lie_within_their_bands():
    values = np.array([[0.5, 0.4, 0.6], [0.8, 0.7, 0.9]])
    band, line = shares_along({"cvae": values}, alt="Shares.").data
    assert list(line.y) == [50, 80]
    assert list(band.y) == pytest.approx([40, 70, 90, 60])


def test_the_maps_last_dots_are_the_pdfs_where_the_prior_puts_them(explorer, network, entries):
    from ase import Atoms

    expected = generate(network, torch.from_numpy(entries.pdfs)).z.numpy()
    every, colors = explorer.dots()
    np.testing.assert_allclose(every[-3:], expected)
    assert colors[-3:] == [PDF_COLOR] * 3 != colors[-6:-3]
    dots, n_atoms = explorer.grid()
    np.testing.assert_array_equal(every[:-3], dots)
    assert len(n_atoms) == len(dots)
    assert isinstance(explorer.particle(dots[0])[0], Atoms)
    assert len(explorer.particle(dots[0])[0]) == max(n_atoms[0], 2)


def test_a_click_on_a_dot_leads_to_the_particle_there(explorer, shown):
    widget = explorer.widget()
    map_, _, first, second, _ = widget.children
    dots, _ = explorer.grid()
    map_.picked = {"atom1": {"index": 3}}
    assert (first.value, second.value) == pytest.approx(tuple(dots[3]))
    map_.picked = {"atom1": {"index": len(dots) + 2}}
    assert (first.value, second.value) == pytest.approx(tuple(explorer.places["c"]))
    assert len(shown) == 3
    map_.picked = {}
    assert len(shown) == 3


def test_menu_and_sliders_redraw_what_the_decoder_gives(explorer, shown):
    _, menu, first, second, _ = explorer.widget().children
    menu.value = "b"
    z = explorer.places["b"]
    assert (first.value, second.value) == pytest.approx(tuple(z))
    _, drawn = shown[-1]
    np.testing.assert_allclose(drawn.data[0].y, explorer.particle(z)[1], rtol=1e-4, atol=1e-5)
    first.value = explorer.low[0]
    assert len(shown) == 3


def test_a_page_without_a_kernel_gets_the_tour_from_stop_to_stop(explorer):
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    frames = bundle[PLOTLY]["frames"]
    assert len(frames) == 4
    for frame, stop in ((frames[0], "a"), (frames[-1], "c")):
        place = frame["data"][0]
        assert (place["x"][0], place["y"][0]) == pytest.approx(tuple(explorer.places[stop]))
        assert frame["layout"]["images"][0]["source"].startswith("data:image/png")


def test_a_space_that_is_no_plane_and_unknown_stops_are_refused(network, entries):
    pdfs = {"a": entries.pdfs[0]}
    with pytest.raises(ValueError, match="needs names of these"):
        LatentExplorer(network, pdfs, entries.settings, ("b",))
    eight = SimpleNamespace(config=CVAEConfig(latent=8))
    with pytest.raises(ValueError, match="8 latent dimensions: needs"):
        LatentExplorer(eight, pdfs, entries.settings, ("a",))
