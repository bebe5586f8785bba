"""What keeps a built page from asking any other server: its scripts come along with it."""

import shutil
import sysconfig
from pathlib import Path

from offline.paths import VENDOR


def forget_widget_cdn(app, config) -> None:
    """MyST-NB would load RequireJS and the widget embedder from two CDNs; book.js loads our copies."""
    config.nb_ipywidgets_js = {}


def drop_thebe(app, pagename, templatename, context, doctree) -> None:
    """Jupyter Book adds Thebe's scripts even where it is off, and they fail on every page."""
    context["script_files"] = [script for script in context["script_files"] if not _is_thebe(script)]


def _is_thebe(script) -> bool:
    body = getattr(script, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(script, 'filename', '')}{body}".lower()


def copy_front_end(app, exception) -> None:
    """Put the fetched npm files, nglview's front end and plotly.js where book.js looks for them."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "vendor"
    shutil.copytree(VENDOR / "site", target, dirs_exist_ok=True)
    for source, name in installed_front_ends().items():
        shutil.copyfile(source, target / name)


def installed_front_ends() -> dict[Path, str]:
    """Front-end files that installed Python packages carry, and their names in the book."""
    import plotly

    widgets = Path(sysconfig.get_path("data")) / "share/jupyter/nbextensions/nglview-js-widgets"
    return {
        widgets / "index.js": "nglview-js-widgets.js",
        widgets / "index.js.LICENSE.txt": "licenses/nglview.txt",
        Path(plotly.__file__).parent / "package_data/plotly.min.js": "plotly.min.js",
    }
