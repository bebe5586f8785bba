"""The page of execution times: a table pasted into book/status.md from the records beside the executed copies."""

import json

import nbformat

from offline.executed import current_profile, stored, title
from offline.paths import ROOT, chapters

PAGE = "book/status"
PLACE = "<!-- execution times -->"


def paste(app, docname: str, source: list[str]) -> None:
    """Sphinx's source-read hook."""
    if docname == PAGE:
        source[0] = source[0].replace(PLACE, table())


def table() -> str:
    """Markdown: one row a chapter."""
    rows = ["| Chapter | Profile | Seconds | Device | Python |", "| :-- | :-- | --: | :-- | :-- |"]
    for path in chapters():
        notebook = nbformat.read(path, as_version=4)
        copy = stored(notebook, current_profile())
        link = f"[{title(notebook)}](../{path.relative_to(ROOT).as_posix()})"
        if copy is None:
            rows.append(f"| {link} | not executed | | | |")
            continue
        record = json.loads(copy.with_suffix(".json").read_text(encoding="utf-8"))
        rows.append(
            f"| {link} | {record['profile']} | {record['seconds']:.1f} | {record['device']} | {record['python']} |"
        )
    return "\n".join(rows) if len(rows) > 2 else "No chapter yet."
