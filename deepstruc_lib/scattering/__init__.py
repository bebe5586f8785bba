"""Positions → G(r): settings and presets, the Debye simulator, the diffpy adapter."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.scattering.compact import Compacted, compact
    from deepstruc_lib.scattering.debye import debye_intensity, total_scattering_structure_function
    from deepstruc_lib.scattering.form_factors import form_factors
    from deepstruc_lib.scattering.settings import PRESETS, PDFSettings
    from deepstruc_lib.scattering.simulate import simulate

__all__ = [
    "PRESETS",
    "Compacted",
    "PDFSettings",
    "compact",
    "debye_intensity",
    "form_factors",
    "simulate",
    "total_scattering_structure_function",
]

export_lazily(__name__)
