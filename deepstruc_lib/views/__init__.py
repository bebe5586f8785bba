"""Figures (plotly), 3-D views (nglview) and the numbers that prose pastes."""

from deepstruc_lib.views.glue import glue
from deepstruc_lib.views.structure import View3D, show
from deepstruc_lib.views.theme import figure, slider

__all__ = ["View3D", "figure", "glue", "show", "slider"]
