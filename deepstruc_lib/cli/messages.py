"""What goes to stderr, in characters that the terminal knows; and the exit code of an interruption."""

import codecs
import io
import sys
import unicodedata

from deepstruc_lib.progress import progress_bar

__all__ = ["INTERRUPTED", "degrade_characters", "progress_bar", "say"]

# Exit code of a run that was ended by Ctrl-C, as shells have it.
INTERRUPTED = 130
# What Unicode's own decompositions do not bring to ASCII.
_PLAIN = {"−": "-", "–": "-", "×": "x", "±": "+/-", "→": "->", "≤": "<=", "≥": ">=", "π": "pi", "σ": "sigma"}


def say(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr)


def degrade_characters() -> None:
    """Let stdout and stderr write a plainer character where their encoding lacks one (Å as A), instead of failing.

    An answer that took minutes must not be lost for a character.
    """
    codecs.register_error("deepstruc_plainer", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="deepstruc_plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    plain = (_PLAIN.get(letter, letter) for letter in unknown if not unicodedata.combining(letter))
    return "".join(letter if letter.isascii() else "?" for letter in plain), error.end
