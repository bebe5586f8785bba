"""The particle builder: what is drawn is what was built, and no kernel is needed."""

import numpy as np
import pytest
import torch

pytest.importorskip("nglview")
from deepstruc_lib.corpora import METALLIC_RADII, bond_length
from deepstruc_lib.particles import Recipe, neighbour_counts
from deepstruc_lib.scattering import PDFSettings, simulate
from deepstruc_lib.views.builder import CURVE, DIALS, STICKS, TOUR, ParticleBuilder, _Controls
from deepstruc_lib.views.widgets import PLOTLY

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nglview's and ipywidgets' own

SETTINGS = PDFSettings(rmax=15.0, rstep=0.05)
SHORT_TOUR = (("Icosahedron(2)", "Au"), ("Octahedron(3)", "Pt"))


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda *parts, **how: seen.append(parts))
    monkeypatch.setattr("IPython.display.clear_output", lambda wait=False: None)
    return seen


@pytest.fixture
def builder():
    return ParticleBuilder(SETTINGS, SHORT_TOUR)


@pytest.fixture
def controls(builder, shown):
    made = _Controls(builder)
    shown.clear()
    return made


def test_the_builder_draws_what_the_simulator_gives(builder):
    atoms = builder.built(Recipe("Decahedron", (3, 2, 0)), "Cu")
    exact = simulate(torch.from_numpy(atoms.positions), SETTINGS).numpy()
    assert np.abs(builder.figure(atoms).data[CURVE].y - exact).max() < 1e-3 * exact.max()


def test_a_particle_takes_its_metals_bond_length_or_the_one_given(builder):
    for given, expected in ((None, bond_length(METALLIC_RADII["Pt"])), (3.0, 3.0)):
        atoms = builder.built(Recipe("Octahedron", (3,)), "Pt", given)
        assert neighbour_counts(atoms.positions)[0][0] == pytest.approx(expected)


def test_the_sweep_shows_every_stop_with_its_picture_to_scale(builder):
    tour = builder.tour()
    assert [frame.name for frame in tour.frames] == ["Au13", "Pt19"]
    for frame, (name, symbol) in zip(tour.frames, SHORT_TOUR, strict=True):
        atoms = builder.built(Recipe.from_name(name), symbol)
        assert np.allclose(frame.data[CURVE].y, builder.curves(atoms)[CURVE]["y"])
        assert np.nanmax(frame.data[STICKS].x) <= SETTINGS.rmax
        assert frame.layout.annotations[0].text == name
    small, large = (frame.layout.images[0] for frame in tour.frames)
    assert small.sizex < large.sizex <= 1
    assert small.source != large.source


def test_a_page_without_a_kernel_gets_the_sweep(builder):
    bundle = builder._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert len(bundle[PLOTLY]["frames"]) == len(SHORT_TOUR)
    assert bundle[PLOTLY]["layout"]["meta"]["alt"] == bundle["text/plain"]


def test_every_stop_of_the_tour_can_be_dialled():
    for name, symbol in TOUR:
        recipe = Recipe.from_name(name)
        assert symbol in METALLIC_RADII
        for dial, value in zip(DIALS[recipe.family], recipe.parameters, strict=True):
            assert dial.low <= int(value) <= dial.high


def test_every_family_starts_with_a_particle():
    for family, dials in DIALS.items():
        assert Recipe(family, tuple(dial.start for dial in dials)).n_atoms > 4


@pytest.mark.parametrize("tour", [(), (("Icosahedron(2)", "Xx"),)])
def test_a_tour_without_stops_or_of_no_metal_is_refused(tour):
    with pytest.raises(ValueError, match="one of Sc, Ti"):
        ParticleBuilder(SETTINGS, tour)


def test_another_family_brings_its_own_dials(controls, shown):
    controls.family.value = "Decahedron"
    assert [dial.description for dial in controls.dials.children] == ["p", "q", "r"]
    view = shown[-1][0]
    assert "Decahedron(3,2,0), 39 atoms of Au" in view.alt
    controls.dials.children[0].value = 4
    assert "Decahedron(4,2,0), 85 atoms of Au" in shown[-1][0].alt


def test_another_metal_moves_the_bond_length_and_redraws_once(controls, shown):
    controls.element.value = "Cu"
    assert controls.length.value == bond_length(METALLIC_RADII["Cu"])
    assert len(shown) == 1
    controls.length.value = 3.0
    distances = shown[-1][1].data[STICKS].x
    assert distances[0] == pytest.approx(3.0)


def test_a_size_that_does_not_exist_says_so(controls, shown):
    controls.family.value = "TruncatedOctahedron"
    controls.dials.children[1].value = 5
    assert "needs length" in shown[-1][0]["text/plain"]


@pytest.mark.parametrize(
    ("family", "said"), [("SC", "7 atoms"), ("FCC", "lone atom"), ("BCC", "lone atom"), ("HCP", "2 atoms")]
)
def test_the_lowest_dials_give_a_particle_or_say_what_is_missing(controls, shown, family, said):
    controls.family.value = family
    for dial in controls.dials.children:
        dial.value = dial.min
    last = shown[-1][0]
    assert said in (last["text/plain"] if isinstance(last, dict) else last.alt)
