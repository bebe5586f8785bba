"""From a measured PDF to ranked candidates: fit of one structure, library fit, batched matching."""

from deepstruc_lib.solving.distances import DistanceList, mean_nearest_neighbour, merged_distances
from deepstruc_lib.solving.fit import DEFAULT_BOUNDS, PARAMETERS, Fit, fit
from deepstruc_lib.solving.identify import Identified, identify
from deepstruc_lib.solving.library import Candidate, LibraryFit, Shape, library_fit, shapes
from deepstruc_lib.solving.match import Match, match
from deepstruc_lib.solving.model import DEFAULT_QDAMP, DEFAULT_RANGE, FitTarget
from deepstruc_lib.solving.solve import METHODS, Solution, solve, the_metal

__all__ = [
    "DEFAULT_BOUNDS",
    "DEFAULT_QDAMP",
    "DEFAULT_RANGE",
    "METHODS",
    "PARAMETERS",
    "Candidate",
    "DistanceList",
    "Fit",
    "FitTarget",
    "Identified",
    "LibraryFit",
    "Match",
    "Shape",
    "Solution",
    "fit",
    "identify",
    "library_fit",
    "match",
    "mean_nearest_neighbour",
    "merged_distances",
    "shapes",
    "solve",
    "the_metal",
]
