"""What an executed notebook's rich outputs become in a static page: plain HTML that book.js brings to life.

MyST-NB 1.4 does not draw plotly figures, and shows either a widget or its picture, never both.
"""

import html
import json

from nbformat import NotebookNode

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"


def for_page(notebook: NotebookNode) -> NotebookNode:
    """Replace plotly figures and 3-D views by their HTML, in place.

    Raises:
        ValueError: When a figure carries no text alternative.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if PLOTLY in data:
                output["data"] = NotebookNode({"text/html": chart(data[PLOTLY])})
            elif WIDGET in data and "image/png" in data:
                output["data"] = NotebookNode({"text/html": view(data)})
    return notebook


def chart(figure: dict) -> str:
    """A place for a plotly figure, with the figure as JSON in it."""
    alt = (figure["layout"].get("meta") or {}).get("alt")
    if not alt:
        title = (figure["layout"].get("title") or {}).get("text")
        raise ValueError(
            f"a plotly figure ({title or 'without a title'}) came without a text alternative; "
            "make it with deepstruc_lib.views.figure(..., alt=...)"
        )
    body = {name: figure[name] for name in ("data", "layout", "frames") if figure.get(name)}
    height = int(figure["layout"].get("height") or _template(figure).get("height") or 450)
    return (
        f'<div class="book-chart" role="figure" aria-label="{html.escape(alt)}" style="min-height: {height}px">'
        f'<script type="{PLOTLY}">{_inert(body)}</script></div>'
    )


def _template(figure: dict) -> dict:
    return (figure["layout"].get("template") or {}).get("layout", {})


def view(data: dict) -> str:
    """A 3-D widget over its picture, which stays where WebGL is missing."""
    alt = html.escape(data["text/plain"])
    picture = data["image/png"].replace("\n", "")
    return (
        f'<div class="book-view" role="figure" aria-label="{alt}">'
        f'<img class="book-poster" alt="{alt}" src="data:image/png;base64,{picture}">'
        f'<script type="{WIDGET}">{_inert(data[WIDGET])}</script></div>'
    )


def _inert(data: dict) -> str:
    """JSON that cannot close the script element it stands in."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).replace("</", "<\\/")
