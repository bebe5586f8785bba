"""Numbers handed from a chapter's run to its prose, so that none is typed."""

from typing import Any

# The mark MyST-NB looks for; written here so that a chapter runs where the book's tools are not installed (Colab).
PREFIX = "application/papermill.record/"


def glue(name: str, value: Any, form: str = "") -> None:
    """Store a value under a name that prose can paste with the role `{glue:text}`.

    Args:
        name: Unique within the chapter.
        value: A number, or text.
        form: How it is written, in Python's format language: ".2f" gives 0.13.
    """
    from IPython.display import display

    mark = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
    # MyST-NB reads the text as Python: unquoted, 2.30 would come out as 2.3.
    display({f"{PREFIX}text/plain": repr(format(value, form))}, raw=True, metadata=mark)
