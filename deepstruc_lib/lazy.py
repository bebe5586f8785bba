"""Loads what a package exports on first use, so that no command waits for libraries that it does not need."""

import ast
import sys
from importlib import import_module
from inspect import getsource
from types import ModuleType
from typing import Any


def export_lazily(package: str) -> None:
    """Makes the names that a package imports under `if TYPE_CHECKING:` load when they are first asked for.

    Called at the end of the package's `__init__`: `export_lazily(__name__)`. An exported name stays the exported thing
    where a module of the package has the same name, whichever is loaded first.
    """
    module = sys.modules[package]
    blocks = [node for node in ast.parse(getsource(module)).body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    module.__dict__["_exports"] = {name.name: node.module for node in imports for name in node.names}
    module.__class__ = _LazyPackage


class _LazyPackage(ModuleType):
    """A package whose exports are loaded on demand (a `__getattr__` alone lets a module hide what has its name)."""

    def __getattr__(self, name: str) -> Any:
        exports = self.__dict__["_exports"]
        if name not in exports:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(exports[name]), name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a module sets it on its package; an export of that name goes first.
        if name in self.__dict__["_exports"] and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self.__dict__["_exports"]})
