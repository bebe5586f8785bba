"""Plotly figures in one style, legible on light and dark pages, each with a text alternative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Okabe & Ito's colour-blind-safe hues, each moved to a lightness that keeps a contrast of 3:1 (WCAG 2.2, 1.4.11)
# on white and on the book's dark ground.
PALETTE = ("#1f7fc4", "#d1600d", "#1a9070", "#bd5c9f", "#9a7400", "#77808a", "#c8504b", "#5f74d8")
DARK_GROUND = "#121212"  # the page in dark mode
INK = "#7a828c"  # text and axes where the page's colours are not known (JupyterLab); book.js sets them in the book
SLIDER_MARGIN = {"l": 60, "r": 36, "t": 48, "b": 52}  # the slider's last label is centred at the plot's right end
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def figure(data: Any = None, *, alt: str, frames: Any = None, **layout: Any) -> go.Figure:
    """A plotly figure in the project's template.

    Args:
        data: Traces, as `plotly.graph_objects.Figure` takes them.
        alt: What the figure shows, in a sentence, for readers who cannot see it; shown to screen readers.
        frames: Animation frames; see `slider` for the control that steps through them.
        layout: Anything `Figure.update_layout` takes.

    Raises:
        ValueError: When `alt` is empty.
    """
    import plotly.graph_objects as go

    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt {alt!r}: needs a sentence that says what the figure shows")
    made = go.Figure(data=data, frames=frames, layout={"template": template()})
    return made.update_layout({**layout, "meta": {**layout.get("meta", {}), "alt": alt.strip()}})


def template() -> go.layout.Template:
    """Transparent ground, thin grid, the palette, ticks outside."""
    import plotly.graph_objects as go

    axis = {
        "showgrid": True,
        "gridcolor": "rgba(128,136,144,0.22)",
        "zeroline": False,
        "linecolor": INK,
        "showline": True,
        "ticks": "outside",
        "tickcolor": INK,
        "ticklen": 4,
        "automargin": True,
        "title": {"standoff": 10},
    }
    return go.layout.Template(
        layout={
            "colorway": PALETTE,
            "font": {"family": FONT, "size": 14, "color": INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 60, "r": 20, "t": 48, "b": 52},
            "height": 420,
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "colorscale": {"sequential": "Viridis", "diverging": "RdBu"},
        }
    )


def slider(frames: Any, label: str) -> list[dict]:
    """The `sliders=` of a figure with named frames: one stop a frame, at once, that works in the static page.

    Args:
        frames: The figure's frames; each needs a `name`, which is shown.
        label: What the slider changes, with its unit: "Stretch: ", say.

    Raises:
        ValueError: When a frame has no name.
    """
    names = [frame["name"] for frame in frames]
    if not all(names):
        raise ValueError(f"frames with the names {names}: needs a name for each")
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [{"label": name, "method": "animate", "args": [[name], at_once]} for name in names]
    # Room below the axis title, so that the two do not overlap on a phone.
    return [{"steps": steps, "currentvalue": {"prefix": label}, "pad": {"t": 52}, "len": 1.0, "x": 0}]
