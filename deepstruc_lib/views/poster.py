"""A still picture of a cluster of atoms, drawn without OpenGL: what a page shows where 3-D cannot run.

Every atom is a shaded sphere in a depth buffer, seen from far away (orthographic). Depth darkening after Luft,
Colditz & Deussen (2006), doi:10.1145/1141911.1142016, separates the layers.
"""

import io

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.ndimage import gaussian_filter

SUPERSAMPLING = 2  # each pixel is the mean of 2 × 2, which smooths the outlines
LIGHT = np.array([-0.45, 0.6, 0.66])  # from the upper left, in front; the direction pictures are expected to be lit
MARGIN = 1.06  # free space around the particle
AMBIENT, DIFFUSE, GLOSS, SHININESS = 0.42, 0.62, 0.30, 28.0
DEPTH_FADE = 0.22  # how much darker the farthest atom is than the nearest
DARKENING = 0.55  # strength of the shadow at a step in depth


def poster(
    positions: Float[ndarray, "atoms 3"],
    colors: Float[ndarray, "atoms 3"],
    radius: float,
    *,
    sticks: Int[ndarray, "bonds 2"] | None = None,
    stick_radius: float = 0.0,
    size: tuple[int, int] = (720, 400),
) -> bytes:
    """Draw atoms as shaded spheres (and bonds as rods) on a transparent ground; returns a PNG.

    Args:
        positions: In Å; x to the right, y up, z towards the reader.
        colors: Red, green, blue between 0 and 1.
        radius: Of every sphere, in Å.
        sticks: Pairs of atoms to join.
        stick_radius: Of every rod, in Å.
        size: Width and height of the picture, in pixels.

    Raises:
        ValueError: Where positions and colors are not of the same atoms.
    """
    if len(positions) != len(colors):
        raise ValueError(f"{len(colors)} colours for {len(positions)} atoms: needs one for each")
    width, height = (SUPERSAMPLING * n for n in size)
    centres = positions - (positions.min(axis=0) + positions.max(axis=0)) / 2
    half = np.abs(centres).max(axis=0) + radius
    scale = min(width / (2 * half[0]), height / (2 * half[1])) / MARGIN
    canvas = _Canvas(width, height, scale)
    for centre, color in zip(centres, colors, strict=True):
        canvas.sphere(centre, radius, color)
    for first, second in () if sticks is None else sticks:
        canvas.rod(centres[first], centres[second], stick_radius)
    return canvas.png()


class _Canvas:
    """A depth buffer with the colour and the surface normal of whatever is nearest to the reader."""

    def __init__(self, width: int, height: int, scale: float):
        self.scale = scale
        self.depth = np.full((height, width), -np.inf)
        self.color = np.zeros((height, width, 3))
        self.normal = np.zeros((height, width, 3))

    def sphere(self, centre: Float[ndarray, "3"], radius: float, color: Float[ndarray, "3"]) -> None:
        rows, columns, x, y = self._window(centre, radius)
        height_squared = 1 - (x**2 + y**2) / radius**2
        z = np.sqrt(np.maximum(height_squared, 0))
        normal = np.stack([x / radius, y / radius, z], axis=-1)
        self._paint(rows, columns, height_squared > 0, centre[2] + radius * z, normal, color)

    def rod(self, start: Float[ndarray, "3"], stop: Float[ndarray, "3"], radius: float) -> None:
        """A rod is a row of small spheres, near enough to each other to look smooth."""
        count = int(np.ceil(np.linalg.norm(stop - start) / (0.3 * radius))) + 1
        grey = np.full(3, 0.62)
        for t in np.linspace(0, 1, count):
            self.sphere(start + t * (stop - start), radius, grey)

    def _window(self, centre, radius):
        """Pixels a sphere can cover, and their distance (Å) from its centre."""
        height, width = self.depth.shape
        column, row = width / 2 + self.scale * centre[0], height / 2 - self.scale * centre[1]
        reach = self.scale * radius + 1
        rows = slice(max(0, int(row - reach)), min(height, int(row + reach) + 2))
        columns = slice(max(0, int(column - reach)), min(width, int(column + reach) + 2))
        x = (np.arange(columns.start, columns.stop) + 0.5 - column) / self.scale
        y = -(np.arange(rows.start, rows.stop) + 0.5 - row) / self.scale
        x, y = np.meshgrid(x, y)
        return rows, columns, x, y

    def _paint(self, rows, columns, inside, depth, normal, color) -> None:
        nearer = inside & (depth > self.depth[rows, columns])
        self.depth[rows, columns][nearer] = depth[nearer]
        self.color[rows, columns][nearer] = color
        self.normal[rows, columns][nearer] = normal[nearer]

    def png(self) -> bytes:
        from PIL import Image

        covered = np.isfinite(self.depth)
        shaded = np.concatenate([self._shade(covered), covered[..., None]], axis=-1)
        shaded[..., :3] *= shaded[..., 3:]  # average with the transparent ground without a dark fringe
        s = SUPERSAMPLING
        mean = shaded.reshape(shaded.shape[0] // s, s, shaded.shape[1] // s, s, 4).mean(axis=(1, 3))
        mean[..., :3] /= np.maximum(mean[..., 3:], 1e-6)
        buffer = io.BytesIO()
        picture = Image.fromarray(np.round(255 * np.clip(mean, 0, 1)).astype(np.uint8), "RGBA")
        picture.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _shade(self, covered):
        light = LIGHT / np.linalg.norm(LIGHT)
        lambert = np.maximum(self.normal @ light, 0)
        halfway = light + np.array([0, 0, 1.0])
        gloss = np.maximum(self.normal @ (halfway / np.linalg.norm(halfway)), 0) ** SHININESS
        far, near = self.depth[covered].min(), self.depth[covered].max()
        depth = np.where(covered, self.depth, far)
        nearness = (depth - far) / max(near - far, 1e-6)
        step = gaussian_filter(nearness, sigma=self.depth.shape[1] / 110) - nearness
        brightness = (AMBIENT + DIFFUSE * lambert) * (1 - DEPTH_FADE * (1 - nearness))
        brightness *= 1 - DARKENING * np.clip(4 * step, 0, 1)
        return self.color * brightness[..., None] + GLOSS * gloss[..., None]
