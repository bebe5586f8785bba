"""Executed copies of the chapters: where they lie, what they are a copy of, and how a page gets their outputs.

The repository keeps notebooks without outputs. A run's outputs are found again by a key of everything they
depend on; prose, titles and tags are always those of the source, so that writing needs no new run.
"""

import functools
import hashlib
import json
import os
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.util import logging

from offline.outputs import for_page
from offline.paths import EXECUTED, ROOT

log = logging.getLogger(__name__)
DEFAULT_PROFILE = "released"
PROFILES = ("smoke", "released", "train")
_PROFILE_LINE = re.compile(r"""^profile = (["'])\w+\1""", re.MULTILINE)


def current_profile() -> str:
    """The profile the book is built in: `BOOK_PROFILE`, or "released".

    Raises:
        ValueError: When it is none of the three.
    """
    profile = os.environ.get("BOOK_PROFILE", DEFAULT_PROFILE)
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r}: needs one of {', '.join(PROFILES)}")
    return profile


def key(notebook: NotebookNode, profile: str, root: Path = ROOT) -> str:
    """Hash of the code cells, the parameters, the library's files, the pinned versions and the measured data."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    parts = [cells, {"profile": profile}, library_hash(root), data_hash()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


@functools.cache
def library_hash(root: Path = ROOT) -> str:
    """Hash of the library's files and the pinned versions; a build takes it once (`BOOK_LIBRARY`), at its start.

    Otherwise a file edited while the chapters run would part every page from its outputs.
    """
    if taken := os.environ.get("BOOK_LIBRARY"):
        return taken
    files = [
        path for path in (root / "deepstruc_lib").rglob("*") if path.is_file() and path.parent.name != "__pycache__"
    ]
    pins = root / "constraints.txt"
    digest = hashlib.sha256()
    for path in [*sorted(files), *([pins] if pins.exists() else [])]:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def data_hash() -> str:
    """Hash of the measured files that are here, by checksum; where one is missing, stand-ins are simulated.

    A build takes it once (`BOOK_DATA`), as it takes the library's.
    """
    if taken := os.environ.get("BOOK_DATA"):
        return taken
    from deepstruc_lib.files import local_checksums

    return hashlib.sha256(json.dumps(local_checksums(), sort_keys=True).encode()).hexdigest()


def stored(notebook: NotebookNode, profile: str) -> Path | None:
    """The executed copy of a notebook, or None."""
    return next(iter(sorted(EXECUTED.glob(f"*-{key(notebook, profile)}.ipynb"))), None)


def read(text: str) -> NotebookNode:
    """MyST-NB's reader of .ipynb: the source, with the outputs of the run it belongs to."""
    notebook = nbformat.reads(text, as_version=4)
    profile = current_profile()
    copy = stored(notebook, profile)
    if copy is None:
        log.warning("not executed in the profile %s: run book/execute.py (%s)", profile, title(notebook))
        return notebook
    return for_page(joined(notebook, nbformat.read(copy, as_version=4), profile))


def joined(source: NotebookNode, run: NotebookNode, profile: str) -> NotebookNode:
    """The source's cells with the run's outputs; the parameters cell says the profile that really ran."""
    sources = [cell for cell in source.cells if cell.cell_type == "code"]
    runs = [cell for cell in run.cells if cell.cell_type == "code"]
    for cell, ran in zip(sources, runs, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = _PROFILE_LINE.sub(f'profile = "{profile}"', cell.source)
    if "widgets" in run.metadata:
        source.metadata["widgets"] = run.metadata["widgets"]
    return source


def title(notebook: NotebookNode) -> str:
    """The notebook's first heading."""
    headings = (re.match(r"#\s+(.+)", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    return next((heading[1] for heading in headings if heading), "a notebook without a title")
