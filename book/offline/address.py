"""The project's public address, from its one place in pyproject.toml, into everything that needs it."""

import tomllib
from pathlib import Path

from offline.paths import ROOT

BRANCH = "main"


def project(root: Path = ROOT) -> dict:
    """The `[project]` table of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository(root: Path = ROOT) -> str:
    """Address of the repository, without a slash at its end."""
    return project(root)["urls"]["Repository"].rstrip("/")


def pages(root: Path = ROOT) -> str:
    """Address of the published book: `Documentation` where it is given, else the repository's GitHub pages."""
    given = project(root)["urls"].get("Documentation")
    owner, name = repository(root).split("/")[-2:]
    return (given or f"https://{owner.lower()}.github.io/{name}").rstrip("/") + "/"


def colab_cell(root: Path = ROOT) -> str:
    """Source of every chapter's first cell, which does something on Colab only."""
    name, version = project(root)["name"], project(root)["version"]
    return f'''# Only on Google Colab: install the library at the book's own version, and let 3-D views draw.
import sys

if "google.colab" in sys.modules:
    %pip install -q "{name}[views] @ git+{repository(root)}@v{version}"
    from google.colab import output

    output.enable_custom_widget_manager()'''


def fill_in(app, config) -> None:
    """Launch buttons, edit links and canonical addresses; the options are changed in place, never replaced."""
    buttons = {f"use_{kind}_button": True for kind in ("repository", "issues", "edit_page")}
    address = {"repository_url": repository(), "repository_branch": BRANCH, "path_to_docs": ""}
    config.html_theme_options.update(address, **buttons)
    config.html_theme_options.setdefault("logo", {})["text"] = project()["name"]
    config.html_baseurl = config.ogp_site_url = pages()
