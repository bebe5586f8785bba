"""Build the book: fetch its front-end files, execute its chapters, render its pages into _build/html."""

import argparse
import os
import shutil
import subprocess
import sys

import execute
import vendor
from offline import executed
from offline.paths import ROOT, SITE

# A fixed day for whatever writes a date into a page; 2026-01-01, 00:00 UTC.
BUILD_TIME = "1767225600"
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # it has no __main__, and may not be on PATH


def main() -> int:
    """Command line; every step is one function, so a failing one is seen by its name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=executed.PROFILES, default=executed.current_profile())
    parser.add_argument("--force", action="store_true", help="execute also what is up to date")
    options = parser.parse_args()
    execute.settle_data()
    environment = execute.environment(options.profile)
    os.environ.update(environment)  # kernels and Sphinx inherit it
    vendor.fetch()
    if failed := execute.execute(execute.chapters(), options.profile, force=options.force):
        return failed
    if failed := render(environment):
        return failed
    print(f"The book is at {SITE / 'index.html'}")
    return 0


def render(environment: dict[str, str]) -> int:
    """Jupyter Book, with every warning an error."""
    shutil.rmtree(SITE, ignore_errors=True)  # else pages of a chapter that has left would stay
    environment = {"SOURCE_DATE_EPOCH": BUILD_TIME, **environment}
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(ROOT), "--toc", str(ROOT / "book" / "_toc.yml")]
    return subprocess.run([*command, "-W", "--keep-going", "--all", "-q"], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
