"""Laws of the 3-D views: words are required, and a page without a kernel has all it needs."""

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("nglview")
from ase import Atoms
from ase.cluster import Icosahedron, Octahedron
from PIL import Image

from deepstruc_lib.particles import Recipe, neighbour_counts
from deepstruc_lib.views import show
from deepstruc_lib.views.arrangement import side_by_side
from deepstruc_lib.views.poster import poster
from deepstruc_lib.views.structure import atom_colors

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # nglview's and ipywidgets' own


@pytest.fixture(scope="module")
def icosahedron() -> Atoms:
    return Icosahedron("Au", 2)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(float)


@pytest.mark.parametrize("alt", [None, "", "   "])
def test_a_view_without_words_is_refused(icosahedron, alt):
    with pytest.raises(ValueError, match="a sentence that says what the view shows"):
        show(icosahedron, alt=alt)


def test_a_solution_describes_itself(icosahedron):
    view = show(SimpleNamespace(atoms=icosahedron))
    assert "Au13" in view.alt
    assert "13 atoms" in view.alt


def test_the_bundle_carries_widget_picture_and_words(icosahedron):
    data, metadata = show(icosahedron, alt="Thirteen atoms.")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == metadata["image/png"]["alt"] == "Thirteen atoms."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style": "cartoon"}, "needs spheres or sticks"),
        ({"colors": [1, 2]}, "2 colours for 13 atoms: needs"),
        ({"colors": ["gold"] * 13}, "#rrggbb"),
        ({"colors": [float("nan")] * 13}, "finite"),
    ],
)
def test_what_does_not_fit_is_refused(icosahedron, change, message):
    with pytest.raises(ValueError, match=message):
        show(icosahedron, alt="x", **change)


@pytest.mark.parametrize("nothing", [[], Atoms(), [Atoms()], ["Au"]])
def test_nothing_to_show_is_refused(nothing):
    with pytest.raises(ValueError, match="one atom or more"):
        show(nothing, alt="x")


def test_infinite_positions_are_refused():
    with pytest.raises(ValueError, match="finite"):
        show(Atoms("Au", positions=[[np.inf, 0, 0]]), alt="x")


def test_one_atom_can_be_shown():
    assert show(Atoms("Au"), alt="One atom.").poster


def test_a_trajectory_hides_the_atoms_a_frame_lacks_inside_another():
    frames = [Icosahedron("Au", 2), Icosahedron("Au", 3)]
    coordinates = show(frames, alt="It grows.").widget._ngl_coordinate_resource
    assert coordinates["n_frames"] == 2
    first, second = (np.frombuffer(base64.b64decode(c), "<f4").reshape(-1, 3) for c in coordinates[0])
    assert len(first) == len(second) == 55
    assert len(np.unique(first.round(3), axis=0)) == 13


def test_every_atom_is_drawn_once_whatever_the_colours(icosahedron):
    view = show(icosahedron, alt="x", colors=[k % 3 for k in range(13)])
    selections = [
        message["kwargs"]["sele"]
        for message in view.widget._ngl_msg_archive
        if message["methodName"] == "addRepresentation"
    ]
    atoms = [int(k) for selection in selections for k in selection.removeprefix("@").split(",")]
    assert sorted(atoms) == list(range(13))


def test_what_a_page_replays_is_plain_json(icosahedron):
    json.dumps(show([icosahedron, icosahedron], alt="x").widget.get_state()["_ngl_msg_archive"])


def test_numbers_are_kinds_or_a_scale(icosahedron):
    kinds = atom_colors(icosahedron, [0] * 12 + [1])
    assert len(np.unique(kinds, axis=0)) == 2
    scale = atom_colors(icosahedron, np.linspace(0, 1, 13))
    assert len(np.unique(scale, axis=0)) == 13
    assert np.allclose(atom_colors(icosahedron, ["#ff0000"] * 13), [1, 0, 0])


def test_the_poster_shows_the_nearer_of_two_atoms():
    red, blue = [1, 0, 0], [0, 0, 1]
    image = picture(poster(np.array([[0, 0, 5.0], [0, 0, 0]]), np.array([red, blue]), 1.0, size=(80, 80)))
    centre = image[40, 40]
    assert centre[0] > centre[2]


def test_the_poster_is_transparent_around_the_particle_and_does_not_cut_it():
    atoms = Octahedron("Cu", 4)
    image = picture(poster(atoms.positions, atom_colors(atoms), 1.28, size=(200, 100)))
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert edge[:, 3].max() == 0
    assert image[50, 100, 3] == 255


def test_posters_do_not_differ_between_runs(icosahedron):
    assert show(icosahedron, alt="x", style="sticks").poster == show(icosahedron, alt="x", style="sticks").poster


def test_particles_side_by_side_keep_their_shape_and_their_distance():
    particles = [Recipe(*r).build("Au", 2.68) for r in (("Icosahedron", (2,)), ("Octahedron", (3,)), ("SC", (2, 2, 2)))]
    together, number = side_by_side(particles, columns=2, gap=4.0)
    for k, particle in enumerate(particles):
        mine = together.positions[number == k]
        kept, before = (neighbour_counts(x)[0] for x in (mine, particle.positions))
        np.testing.assert_allclose(kept, before, atol=1e-9)
        others = together.positions[number != k]
        assert np.linalg.norm(mine[:, None] - others, axis=-1).min() >= 4.0


def test_nothing_cannot_stand_side_by_side():
    with pytest.raises(ValueError, match="one or more of each"):
        side_by_side([], columns=2)
