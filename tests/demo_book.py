"""A small book of its own, made of the real machinery and one demonstration notebook."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = """  - caption: Demonstration
    chapters:
      - file: notebooks/demo
"""


def make(folder: Path) -> Path:
    """Copy the machinery into `folder`; the fetched front-end files are linked."""
    for name in ("_config.yml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "notebooks").mkdir()
    shutil.copyfile(ROOT / "tests" / "data" / "demo.ipynb", folder / "notebooks" / "demo.ipynb")
    shutil.copytree(ROOT / "deepstruc_lib", folder / "deepstruc_lib", ignore=shutil.ignore_patterns("__pycache__"))
    if (ROOT / "_build" / "vendor").exists():
        (folder / "_build").mkdir()
        (folder / "_build" / "vendor").symlink_to(ROOT / "_build" / "vendor")
    listed = "".join(f"      - file: book/{name}\n" for name in ("notation", "status", "bibliography"))
    toc = f"format: jb-book\nroot: book/index\nparts:\n{CHAPTER}  - caption: Reference\n    chapters:\n{listed}"
    (folder / "book" / "_toc.yml").write_text(toc)
    # The landing page links to chapters that are not here; what it is made of is tested in the book itself.
    (folder / "book" / "index.md").write_text("# A demonstration\n\n[The chapter](../notebooks/demo.ipynb)\n")
    return folder


def run(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of the book's scripts there, in a clean environment."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("BOOK_LIBRARY", "BOOK_PROFILE", "PYTHONPATH")
    }
    environment["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, str(folder / "book" / script), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
