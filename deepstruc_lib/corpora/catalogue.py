"""The corpora by name, built or taken from the cache."""

from deepstruc_lib.corpora import deepstruc, mlg, stacking
from deepstruc_lib.corpora.build import build_corpus, shape_numbers
from deepstruc_lib.corpora.record import Corpus
from deepstruc_lib.corpora.splits import split_by_shape
from deepstruc_lib.corpora.storage import cached
from deepstruc_lib.scattering import PRESETS, PDFSettings

_MODULES = {"deepstruc": deepstruc, "mlg": mlg, "stacking": stacking}
CORPORA = tuple(_MODULES)


def corpus(name: str, settings: PDFSettings | None = None, *, cache: bool = True, progress: bool = False) -> Corpus:
    """The whole corpus: entries, PDFs, and its splits "random" (the authors', where known) and "shape".

    Args:
        name: deepstruc, mlg or stacking.
        settings: Conditions of the PDFs; by default those of the corpus' paper.
        cache: Look in the cache first, and keep there what was built (in DEEPSTRUC_CACHE or the user's cache folder).
        progress: Show a progress bar on stderr while simulating.

    Raises:
        ValueError: For another name.
    """
    if name not in _MODULES:
        raise ValueError(f"corpus {name!r}: needs one of {', '.join(CORPORA)}")
    chosen = settings or PRESETS[_MODULES[name].PRESET]

    def build() -> Corpus:
        return _build(name, chosen, progress)

    return cached(name, chosen, build) if cache else build()


def _build(name: str, settings: PDFSettings, progress: bool) -> Corpus:
    listed = _MODULES[name].entries()
    shapes = shape_numbers(listed.recipes)
    by_shape = split_by_shape(shapes, listed.family_of_recipe, [recipe.name for recipe in listed.recipes])
    splits = {"random": _MODULES[name].random_parts(listed, shapes), "shape": by_shape[listed.recipe_ids]}
    return build_corpus(name, listed, settings, shapes, splits, progress)
