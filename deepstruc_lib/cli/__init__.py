"""`deepstruc`: PDFs, corpora and models on the command line."""

import linecache
import logging
import sys
from pathlib import Path
from typing import Any

import typer

from deepstruc_lib.cli.messages import INTERRUPTED, degrade_characters, say
from deepstruc_lib.cli.session import Session

# What typer raises for a wrong option or argument; it exports only some of the classes derived from it.
_UsageError: Any = typer.BadParameter.__mro__[2]
_LIBRARY = Path(__file__).parents[1]


def main() -> None:
    """Entry of the console script: turns wrong input into one line and exit code 2.

    An error of the program is none of the input: it keeps its traceback and ends with exit code 1.
    """
    from deepstruc_lib.cli.commands import app

    degrade_characters()
    library, handler = logging.getLogger("deepstruc_lib"), logging.StreamHandler(sys.stderr)
    library.setLevel(logging.INFO)
    library.addHandler(handler)
    session = Session()
    try:
        sys.exit(app(standalone_mode=False, obj=session))
    except _UsageError as error:
        if len(sys.argv) == 1:  # no command: typer has shown the help
            sys.exit(0)
        _refuse(f"{error.format_message()} (see deepstruc --help)")
    except (KeyboardInterrupt, typer.Abort):
        say("deepstruc: interrupted")
        sys.exit(INTERRUPTED)
    except Exception as error:
        if session.debug:
            raise
        if isinstance(error, MemoryError):
            _refuse("more atoms or points than fit in memory: needs a smaller particle or a coarser grid")
        if isinstance(error, OSError) or _is_refusal(error):
            _refuse(str(error))
        say("deepstruc: an error of the program, not of your input; please report it with what follows")
        raise
    finally:
        library.removeHandler(handler)


def _is_refusal(error: Exception) -> bool:
    """Whether this library raised the error on purpose, as it does for wrong input.

    numpy and torch raise ValueErrors too, where shapes do not fit: those tell nothing to whoever gave the input.
    """
    trace = error.__traceback__
    if not isinstance(error, ValueError) or trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename
    raised = linecache.getline(file, trace.tb_lineno).lstrip().startswith("raise ")
    return raised and Path(file).is_relative_to(_LIBRARY)


def _refuse(reason: str) -> None:
    say(f"deepstruc: {' '.join(reason.split())}")
    sys.exit(2)
