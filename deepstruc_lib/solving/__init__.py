"""From a PDF to ranked candidates: fits of one structure, of a library, of a network's proposals; their evaluation."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.solving.coarse import Match, match
    from deepstruc_lib.solving.evaluate import evaluate_library, evaluate_model, evaluation_part
    from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, PARAMETERS, Fit, fit
    from deepstruc_lib.solving.identify import Identified, identify
    from deepstruc_lib.solving.index import Index, Shape, Structure, build_index
    from deepstruc_lib.solving.index_file import load_index, save_index
    from deepstruc_lib.solving.library import Candidate, LibraryFit, library_fit, shapes
    from deepstruc_lib.solving.measures import Evaluation, PairedTest, compare, paired_t_test, simulated_pdfs
    from deepstruc_lib.solving.metal import the_metal
    from deepstruc_lib.solving.methods import methods
    from deepstruc_lib.solving.naming import Name, name_structure
    from deepstruc_lib.solving.pairs import DistanceList, mean_nearest_neighbour, merged_distances
    from deepstruc_lib.solving.refine import refine_structures
    from deepstruc_lib.solving.solution import Solution, Solutions
    from deepstruc_lib.solving.solve import solve
    from deepstruc_lib.solving.target import DEFAULT_QDAMP, DEFAULT_RANGE, FitTarget

__all__ = [
    "DEFAULT_BOUNDS",
    "DEFAULT_QDAMP",
    "DEFAULT_RANGE",
    "PARAMETERS",
    "Candidate",
    "DistanceList",
    "Evaluation",
    "Fit",
    "FitTarget",
    "Identified",
    "Index",
    "LibraryFit",
    "Match",
    "Name",
    "PairedTest",
    "Shape",
    "Solution",
    "Solutions",
    "Structure",
    "build_index",
    "compare",
    "evaluate_library",
    "evaluate_model",
    "evaluation_part",
    "fit",
    "identify",
    "library_fit",
    "load_index",
    "match",
    "mean_nearest_neighbour",
    "merged_distances",
    "methods",
    "name_structure",
    "paired_t_test",
    "refine_structures",
    "save_index",
    "shapes",
    "simulated_pdfs",
    "solve",
    "the_metal",
]

export_lazily(__name__)
