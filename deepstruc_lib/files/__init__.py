"""Files in and out: measured and simulated G(r), structures, and the measured data sets."""

from typing import TYPE_CHECKING

from deepstruc_lib.lazy import export_lazily

if TYPE_CHECKING:
    from deepstruc_lib.files.gr import format_gr, read_gr, write_gr
    from deepstruc_lib.files.measured import MEASURED, DataUnavailable, Sample, measured
    from deepstruc_lib.files.pdf import PDF, check_composition
    from deepstruc_lib.files.structures import check_particle, read_structure, write_structure

__all__ = [
    "MEASURED",
    "PDF",
    "DataUnavailable",
    "Sample",
    "check_composition",
    "check_particle",
    "format_gr",
    "measured",
    "read_gr",
    "read_structure",
    "write_gr",
    "write_structure",
]

export_lazily(__name__)
