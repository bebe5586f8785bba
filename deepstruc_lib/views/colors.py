"""Colours as numbers: from "#rrggbb" and back, and reals on a scale from dark to bright."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

SCALE = "Viridis"  # even steps look even, also to colour-blind readers


def rgb(text: Any) -> tuple[float, float, float]:
    """Red, green, blue between 0 and 1.

    Raises:
        ValueError: When the text is not "#rrggbb".
    """
    digits = str(text).removeprefix("#")
    if not str(text).startswith("#") or len(digits) != 6 or set(digits.lower()) - set("0123456789abcdef"):
        raise ValueError(f"colour {text!r}: needs #rrggbb, whole numbers or finite reals")
    red, green, blue = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    return red, green, blue


def hex_codes(colors: Float[ndarray, "colors 3"]) -> list[str]:
    """Each row of red, green, blue (0 to 1) as "#rrggbb"."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in np.round(255 * colors).astype(int)]


def with_opacity(text: str, opacity: float) -> str:
    """A colour "#rrggbb" as "rgba(…)" that lets through what lies under it."""
    red, green, blue = (round(255 * part) for part in rgb(text))
    return f"rgba({red},{green},{blue},{opacity})"


def on_scale(values: ndarray) -> Float[ndarray, "values 3"]:
    """Red, green, blue of each value, the lowest dark and the highest bright."""
    from plotly.colors import sample_colorscale

    distinct, places = np.unique(values, return_inverse=True)  # sampling is slow, and often few values differ
    span = distinct[-1] - distinct[0] or 1
    sampled = sample_colorscale(SCALE, list((distinct - distinct[0]) / span), colortype="tuple")
    return np.array(sampled, dtype=np.float64)[places]
