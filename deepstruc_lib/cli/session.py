"""What stands before a command: --version and --debug."""

from dataclasses import dataclass
from typing import Annotated

import typer

from deepstruc_lib import __version__


@dataclass
class Session:
    """How the command is run.

    Args:
        debug: Show the traceback of an error instead of one line.
    """

    debug: bool = False


def _show_version(asked: bool) -> None:
    if asked:
        print(f"deepstruc_lib {__version__}")
        raise typer.Exit


def begin(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="DEEPSTRUC_DEBUG", help="Show where an error arose, not only its message.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Given the pair distribution function of a metal nanoparticle, where are its atoms?

    Results go to stdout, progress and messages to stderr. Wrong input ends with exit code 2 and one line.
    """
    context.obj.debug = debug
