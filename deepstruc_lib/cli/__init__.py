"""`deepstruc`: PDFs, corpora and models on the command line."""

import logging
import sys
from typing import Any

import typer

from deepstruc_lib.cli.messages import INTERRUPTED, say

# What typer raises for a wrong option or argument; it exports only some of the classes derived from it.
_UsageError: Any = typer.BadParameter.__mro__[2]


def main() -> None:
    """Entry of the console script: turns wrong input into one line and exit code 2."""
    from deepstruc_lib.cli.commands import app

    library, handler = logging.getLogger("deepstruc_lib"), logging.StreamHandler(sys.stderr)
    library.setLevel(logging.INFO)
    library.addHandler(handler)
    try:
        sys.exit(app(standalone_mode=False))
    except _UsageError as error:
        if len(sys.argv) == 1:  # no command: typer has shown the help
            sys.exit(2)
        _refuse(f"{error.format_message()} (see deepstruc --help)")
    except (ValueError, OSError) as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("found more atoms or points than fit in memory; needed a smaller particle or a coarser grid")
    except (KeyboardInterrupt, typer.Abort):
        say("deepstruc: interrupted")
        sys.exit(INTERRUPTED)
    finally:
        library.removeHandler(handler)


def _refuse(reason: str) -> None:
    say(f"deepstruc: {' '.join(reason.split())}")
    sys.exit(2)
