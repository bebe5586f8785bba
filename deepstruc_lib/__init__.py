"""Given the pair distribution function of a metal nanoparticle, where are its atoms?"""

from importlib import import_module

__version__ = "0.1.0"

# Loaded on first use, so that `import deepstruc_lib` stays light (torch alone takes a second). The packages have
# `export_lazily` for that. All of them import this one for its version: what it listed as imports would be theirs too,
# and data would no longer flow one way.
_EXPORTS = {
    "PDF": "deepstruc_lib.files",
    "read_gr": "deepstruc_lib.files",
    "write_gr": "deepstruc_lib.files",
    "PDFSettings": "deepstruc_lib.scattering",
    "simulate": "deepstruc_lib.scattering",
    "fit": "deepstruc_lib.solving",
    "library_fit": "deepstruc_lib.solving",
    "solve": "deepstruc_lib.solving",
    "show": "deepstruc_lib.views",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'deepstruc_lib' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
