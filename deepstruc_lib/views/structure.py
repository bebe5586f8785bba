"""Structures and trajectories to turn with the mouse, in Jupyter and in a page without a kernel."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from deepstruc_lib.particles import BOND_REACH
from deepstruc_lib.views.colors import hex_codes, on_scale, rgb
from deepstruc_lib.views.poster import poster
from deepstruc_lib.views.theme import PALETTE

if TYPE_CHECKING:
    from ase import Atoms

TOUCHING = 0.5  # spheres of half the nearest distance touch
BALL, ROD = 0.2, 0.055  # ball-and-stick radii, in nearest distances
LONE_ATOM_DISTANCE = 2.5  # Å, where there is no second atom to measure to
DEFAULT_ROTATION = "-70x,-20y,8x"  # shows a close-packed stack from the side, slightly from above

# In the two scripts below, `comm` is undefined where no kernel listens: they act in a static page only.
_FOLLOW_THEME = """
if (this.model.comm === undefined) {
  const stage = this.stage, page = document.documentElement;
  const paint = () => stage.setParameters(
    {backgroundColor: getComputedStyle(page).getPropertyValue('--pst-color-background').trim()});
  paint();
  new MutationObserver(paint).observe(page, {attributes: true, attributeFilter: ['data-theme']});
}
this.stage.setParameters({clipNear: 0, fogNear: 60, fogFar: 110});
"""

# nglview starts its player only for a view that a live front end has drawn. That is not so in an executed notebook.
_START_PLAYER = """
const view = this, frames = this.model.get('_ngl_coordinate_resource');
if (view.model.comm === undefined && frames.n_frames > 1) {
  view.model.set('max_frame', frames.n_frames - 1);
  view.getPlayerModel().then(box => box.get('children').forEach(control => {
    control.set('max', frames.n_frames - 1);
    view.listenTo(control, 'change:value',
                  () => view.updateCoordinatesFromDict(frames, control.get('value')));
  }));
  view.player_pview.then(player => { player.el.style.display = 'flex'; });
}
"""

# Far enough for the nearest face of the particle's box to fill the view in the tighter of its two directions.
_FIT = """
const fit = () => {
  const viewer = this.stage.viewer, half = [%.2f, %.2f, %.2f];
  const slope = Math.tan(viewer.perspectiveCamera.fov * Math.PI / 360);
  const high = Math.max(half[1], half[0] * viewer.height / viewer.width);
  this.stage.viewerControls.distance(-(1.04 * high / slope + half[2]));
};
fit();
this.stage.signals.fullscreenChanged.add(fit);
"""


@dataclass(frozen=True)
class View3D:
    """What `show` returns: the live widget, a picture for where it cannot run, and both in words."""

    widget: Any = field(repr=False)
    poster: bytes = field(repr=False)
    alt: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        bundle = {
            **self.widget._repr_mimebundle_(),
            "image/png": base64.b64encode(self.poster).decode(),
            "text/plain": self.alt,
        }
        return bundle, {"image/png": {"alt": self.alt}}


def show(
    structure: Any,
    *,
    alt: str | None = None,
    colors: Sequence[str] | Sequence[int] | Sequence[float] | None = None,
    style: str = "spheres",
    rotation: str = DEFAULT_ROTATION,
    height: int = 360,
) -> View3D:
    """A structure, or a list of them as a trajectory with a player, in 3-D.

    Args:
        structure: `ase.Atoms`, a sequence of them (their numbers of atoms may differ), or anything with `.atoms`.
        alt: What the view shows, in a sentence, for readers who cannot see it. Only an object with `.atoms`
            (a solution) may leave it out: it describes itself by formula and size.
        colors: One for each atom: "#rrggbb", whole numbers (kinds: shell, layer), or reals (a scale from dark
            to bright). By element when left out. For a trajectory: of its largest frame.
        style: "spheres" (touching) or "sticks".
        rotation: How the first look is turned, as `ase.utils.rotate` reads it.
        height: Of the view, in pixels.

    Raises:
        ValueError: When `alt` is missing or empty, there is nothing to show, a coordinate is not finite, or
            `colors` or `style` do not fit.
    """
    frames, alt = _frames_and_alt(structure, alt)
    if style not in ("spheres", "sticks"):
        raise ValueError(f"style {style!r}: needs spheres or sticks")
    largest = max(frames, key=len)
    painted = atom_colors(largest, colors)
    turned = _turned(frames, rotation)
    nearest = _nearest_distance(turned[0])
    widget = _widget(largest, turned, painted, nearest, style, height)
    first = len(frames[0])
    sticks = {} if style == "spheres" else {"sticks": _bonds(turned[0][:first]), "stick_radius": ROD * nearest}
    radius = (TOUCHING if style == "spheres" else BALL) * nearest
    picture = poster(turned[0][:first], painted[:first], radius, size=(2 * height, height), **sticks)
    return View3D(widget, picture, alt)


def atom_colors(atoms: Atoms, colors: Sequence | None = None) -> Float[ndarray, "atoms 3"]:
    """Red, green, blue of each atom, from what `show` takes as `colors`.

    Raises:
        ValueError: When there is not one colour for each atom, or it is none of the kinds `show` names.
    """
    if colors is None:
        from ase.data.colors import jmol_colors

        return np.asarray(jmol_colors[atoms.numbers], dtype=np.float64)
    if len(colors) != len(atoms):
        raise ValueError(f"{len(colors)} colours for {len(atoms)} atoms: needs one for each")
    values = np.asarray(colors)
    if values.dtype.kind in "iub":
        return np.array([rgb(PALETTE[int(k) % len(PALETTE)]) for k in values])
    if values.dtype.kind == "f" and np.isfinite(values).all():
        return on_scale(values)
    return np.array([rgb(text) for text in colors])


def _frames_and_alt(structure: Any, alt: str | None) -> tuple[list[Atoms], str]:
    from ase import Atoms

    described = getattr(structure, "atoms", None)
    if isinstance(described, Atoms):
        alt = f"Three-dimensional view of {described.symbols}, {len(described)} atoms." if alt is None else alt
        structure = described
    frames = [structure] if isinstance(structure, Atoms) else list(structure)
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt {alt!r}: needs a sentence that says what the view shows")
    if not frames or not all(isinstance(frame, Atoms) and len(frame) for frame in frames):
        raise ValueError(f"{structure!r}: needs ase.Atoms, or a sequence of them, each with one atom or more")
    if not all(np.isfinite(frame.positions).all() for frame in frames):
        raise ValueError("positions hold NaN or infinity: needs finite coordinates in Å")
    return frames, alt.strip()


def _turned(frames: list[Atoms], rotation: str) -> Float[ndarray, "frames atoms 3"]:
    """All frames, centred, turned, and padded to one number of atoms.

    NGL's trajectories cannot change their number of atoms, so those a frame lacks hide inside its central one.
    """
    from ase.utils import rotate

    matrix = rotate(rotation)
    most = max(map(len, frames))
    turned = []
    for frame in frames:
        centred = (frame.positions - frame.positions.mean(axis=0)) @ matrix
        central = centred[np.linalg.norm(centred, axis=1).argmin()]
        turned.append(np.concatenate([centred, np.tile(central, (most - len(centred), 1))]))
    return np.stack(turned)


def _distances(positions: Float[ndarray, "atoms 3"]) -> Float[ndarray, "atoms atoms"]:
    from scipy.spatial.distance import cdist

    distances = cdist(positions, positions)
    distances[distances < 1e-3] = math.inf  # an atom and itself, or one that hides inside another
    return distances


def _nearest_distance(positions: Float[ndarray, "atoms 3"]) -> float:
    """Median over the atoms of the distance to the nearest other one, in Å: robust to one stray pair."""
    nearest = float(np.median(_distances(positions).min(axis=1)))
    return nearest if math.isfinite(nearest) else LONE_ATOM_DISTANCE


def _bonds(positions: Float[ndarray, "atoms 3"]) -> ndarray:
    near = _distances(positions) <= BOND_REACH * _nearest_distance(positions)
    return np.argwhere(np.triu(near))


def _widget(largest: Atoms, turned: ndarray, colors: ndarray, nearest: float, style: str, height: int) -> Any:
    """The nglview widget, prepared for a page that replays its messages without Python."""
    import nglview
    from ase import Atoms
    from ipywidgets import Layout

    # NGL looks along +z, the poster along −z: half a turn about y shows the same side.
    turned = turned * np.array([-1, 1, -1])
    frames = [Atoms(largest.symbols, positions=positions) for positions in turned]
    make = nglview.show_asetraj if len(frames) > 1 else nglview.show_ase
    view = make(frames if len(frames) > 1 else frames[0], default=False)
    view.layout = Layout(width="100%", height=f"{height}px")
    view._view_width, view._view_height = "100%", f"{height}px"
    for name, options in _representations(colors, nearest, style):
        view._remote_call("addRepresentation", target="compList", args=[name], kwargs={**options, "component_index": 0})
    view._js(_FOLLOW_THEME)
    # A page does not replay nglview's own autoView, and NGL's ignores the shape of the page and the size of atoms.
    half = np.abs(turned - (turned[0].min(0) + turned[0].max(0)) / 2).max(axis=(0, 1)) + TOUCHING * nearest
    view._js("this.stage.autoView(0);" + _FIT % tuple(half))
    if len(frames) > 1:
        encoded = [base64.b64encode(p.astype("<f4").tobytes()).decode() for p in turned]
        view._ngl_coordinate_resource = {0: encoded, "n_frames": len(frames)}  # a new dict: only that is sent
        view._js(_START_PLAYER)
    return view


def _representations(colors: ndarray, nearest: float, style: str) -> list[tuple[str, dict]]:
    """One set of spheres for each colour (NGL's custom colour schemes need Python), over grey rods for sticks."""
    codes = np.array(hex_codes(colors))
    radius = (TOUCHING if style == "spheres" else BALL) * nearest
    made = []
    for code in sorted(set(codes)):
        atoms = "@" + ",".join(map(str, np.flatnonzero(codes == code)))
        made.append(("spacefill", {"sele": atoms, "color": code, "radiusType": "size", "radiusSize": radius}))
    if style == "sticks":
        rod = {"sele": "all", "color": "#9e9e9e", "radiusType": "size", "radiusSize": ROD * nearest}
        made.append(("licorice", rod))
    return made
