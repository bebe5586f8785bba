"""Execute the chapters with papermill, in the order of the table of contents; outputs go to _executed/.

A chapter already executed (same code, profile, library and pins) is not run again. One that fails stops the
run with its traceback; it is kept as NAME.failed.ipynb, and every earlier result stays.
"""

import argparse
import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path

import nbformat
import papermill
from offline import executed, stable
from offline.paths import EXECUTED, ROOT, chapters
from papermill.exceptions import PapermillExecutionError

from deepstruc_lib.files.textfiles import write_text

CELL_TIMEOUT = 3 * 60 * 60  # seconds; only a hang takes longer, `train` included


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=executed.PROFILES, default=executed.current_profile())
    parser.add_argument("--force", action="store_true", help="run again what has been run")
    parser.add_argument("notebooks", nargs="*", type=Path, help="only these (default: all of the book)")
    options = parser.parse_args()
    return execute([path.resolve() for path in options.notebooks] or chapters(), options.profile, force=options.force)


def execute(notebooks: list[Path], profile: str, *, force: bool = False) -> int:
    """Run what has not been run; 0, or 1 after the first failure."""
    EXECUTED.mkdir(exist_ok=True)
    for place, path in enumerate(notebooks, start=1):
        head = f"[{place}/{len(notebooks)}] {path.name:32s}"
        if not force and executed.stored(nbformat.read(path, as_version=4), profile):
            print(f"{head} up to date", flush=True)
            continue
        start = time.monotonic()
        try:
            run_one(path, profile)
        except PapermillExecutionError as error:
            print(f"{head} FAILED after {time.monotonic() - start:.1f} s\n{error}", file=sys.stderr, flush=True)
            return 1
        print(f"{head} {time.monotonic() - start:.1f} s", flush=True)
    return 0


def run_one(path: Path, profile: str) -> Path:
    """Run one notebook and put its copy and its record in place; returns the copy.

    Raises:
        ValueError: When the notebook has no cell tagged `parameters`.
        PapermillExecutionError: When a cell raises.
    """
    source = nbformat.read(path, as_version=4)
    if not any("parameters" in cell.metadata.get("tags", ()) for cell in source.cells):
        raise ValueError(f'{path.name} has no cell tagged "parameters"; one with profile = "released" is needed')
    key = executed.key(source, profile)
    working = EXECUTED / f"{path.stem}.failed.ipynb"
    start = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # papermill's own, about the standard library
        papermill.execute_notebook(
            path,
            working,
            parameters={"profile": profile},
            cwd=path.parent,
            kernel_name="python3",
            progress_bar=False,
            execution_timeout=CELL_TIMEOUT,
        )
    seconds = time.monotonic() - start
    copy = EXECUTED / f"{path.stem}-{key}.ipynb"
    record = {"notebook": path.name, "profile": profile, "seconds": round(seconds, 2), **machine()}
    write_text(copy.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    write_text(copy, nbformat.writes(stable.cleaned(nbformat.read(working, as_version=4))) + "\n")
    working.unlink()
    _forget_older(copy, record)
    return copy


def machine() -> dict[str, str]:
    """What the chapters ran on, in words that name no host."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {"device": device, "python": platform.python_version(), "system": platform.system()}


def _forget_older(copy: Path, record: dict) -> None:
    """Remove earlier copies of the same notebook in the same profile."""
    for other in EXECUTED.glob(f"{copy.stem.rsplit('-', 1)[0]}-*.json"):
        if other.stem == copy.stem:
            continue
        before = json.loads(other.read_text(encoding="utf-8"))
        if (before["notebook"], before["profile"]) == (record["notebook"], record["profile"]):
            other.with_suffix(".ipynb").unlink(missing_ok=True)
            other.unlink()


def environment(profile: str) -> dict[str, str]:
    """What a reproducible run needs set before Python starts."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "BOOK_LIBRARY": executed.library_hash(),
        "BOOK_PROFILE": profile,
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment, not one of the user's own
        "PYTHONHASHSEED": "0",
        # The chapters run the library of this checkout, whatever else is installed.
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


if __name__ == "__main__":
    sys.exit(main())
