"""The methods of `solve`, listed once: who proposes structures."""

from pathlib import Path

# What `auto` takes: the best method there is.
AUTO = "library"
_BUILT_IN = {"auto": f"the best method there is: {AUTO}", "library": "every shape of a library"}


def methods() -> dict[str, str]:
    """What each method proposes, by the method's name; each released model is a method."""
    from deepstruc_lib.models.released import released_models

    return _BUILT_IN | {name: f"what the model {name} proposes" for name in released_models()}


def chosen_method(method: str) -> str:
    """The method that is run: what `auto` stands for, else the one asked for.

    Args:
        method: One of `methods`, or the folder of a trained model.

    Raises:
        ValueError: There is no such method.
    """
    from deepstruc_lib.models.cards import CARD

    if method == "auto":
        return AUTO
    if method != "library" and method not in methods() and not (Path(method) / CARD).is_file():
        raise ValueError(f"method {method!r}: needs one of {', '.join(methods())}, or the folder of a trained model")
    return method
