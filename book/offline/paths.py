"""Where the book's parts lie: all relative to the checkout this file belongs to."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TOC = ROOT / "book" / "_toc.yml"
EXECUTED = ROOT / "_executed"
SITE = ROOT / "_build" / "html"
VENDOR = ROOT / "_build" / "vendor"


def chapters() -> list[Path]:
    """The notebooks of the table of contents, in its order.

    Raises:
        ValueError: When an entry of the table of contents is neither a page nor a notebook.
    """
    found = []
    for name in _files(yaml.safe_load(TOC.read_text(encoding="utf-8"))):
        notebook = ROOT / f"{name}.ipynb"
        if notebook.exists():
            found.append(notebook)
        elif not (ROOT / f"{name}.md").exists():
            raise ValueError(f"{TOC.name} lists {name!r}; there is neither {name}.ipynb nor {name}.md")
    return found


def _files(entry) -> list[str]:
    """All `root:` and `file:` values of a nested table of contents."""
    if isinstance(entry, list):
        return [name for child in entry for name in _files(child)]
    if not isinstance(entry, dict):
        return []
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [name for child in entry.values() for name in _files(child)]
