"""What the live explorers share: a screen that is redrawn, a control set from the program, and their static form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

PLOTLY = "application/vnd.plotly.v1+json"


def show_in(screen: Any, *shown: Any, **options: Any) -> None:
    """Replace what an output widget shows; the options are those of `IPython.display.display`."""
    from IPython.display import clear_output, display

    with screen:
        clear_output(wait=True)
        display(*shown, **options)


def set_quietly(control: Any, value: Any, callback: Callable) -> None:
    """Set the value of a control without a call of the function that observes it."""
    control.unobserve(callback, "value")
    control.value = value
    control.observe(callback, "value")


def live_or_recorded(widget: Any, tour: go.Figure) -> dict:
    """What an explorer displays: JupyterLab prefers the widget, a page without a kernel the recorded tour."""
    drawn = json.loads(str(tour.to_json()))
    return {**widget._repr_mimebundle_(), "text/plain": drawn["layout"]["meta"]["alt"], PLOTLY: drawn}
