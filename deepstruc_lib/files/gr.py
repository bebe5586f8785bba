"""Read and write .gr files: a header and the columns r, G(r) and perhaps their uncertainties."""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepstruc_lib import __version__
from deepstruc_lib.files.header import parse_fields, parse_labels
from deepstruc_lib.files.pdf import PDF, STEP_TOLERANCE
from deepstruc_lib.files.table import parse_rows, split_header
from deepstruc_lib.files.textfiles import decode, read_bytes, shown, write_text

log = logging.getLogger(__name__)

_NEEDED = "a PDF, a text file with r in Å and G in Å⁻²"
_MARKUP = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml|svg)", re.IGNORECASE)
_ERROR_LABEL = re.compile(r"d_?g\w*|e|err\w*|sigma\w*")


def read_gr(
    path: str | os.PathLike,
    *,
    qmin: float | None = None,
    qmax: float | None = None,
    composition: str | None = None,
) -> PDF:
    """Read G(r) as written by pdfgetx3, xPDFsuite, PDFgetXgui, PDFgui, `write_gr`, or as plain columns.

    Columns go by their label (`#L r(A) G(r) d_r d_Gr`); without one, two are r G, three r G dG and four
    r G dr dG, as in diffpy. A fit saved by PDFgui (.fgr) holds the calculated curve and the difference: their sum,
    the observed curve, is returned. r stays as printed. A header's rmin, rmax and rstep only
    check the columns; where they are in nm and the columns, by their highest peak, in Å, a warning is logged.

    Args:
        path: UTF-8, UTF-16 with its mark, or Latin-1 text; any line ends; at most `textfiles.SIZE_LIMIT` bytes.
        qmin: In Å⁻¹, instead of the header's.
        qmax: In Å⁻¹, instead of the header's.
        composition: Instead of the header's.

    Raises:
        OSError: If the file cannot be had.
        ValueError: If it is no PDF in Å; one line that says what came and what is needed.

    Example:
        >>> pdf = read_gr("tests/data/files/pdfgetx3.gr")
        >>> pdf.qmin, pdf.qmax, pdf.composition
        (1.25, 27.5, 'Au')
        >>> part = pdf.cut(2.0, 10.0)  # nothing is padded: the file must reach so far
        >>> len(part.r)
        41
    """
    data = read_bytes(path, _NEEDED)
    options: dict[str, Any] = {"qmin": qmin, "qmax": qmax, "composition": composition}
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return replace(_parse(decode(data), frozenset(given)), source=_bare_name(path), **given)
    except ValueError as error:
        raise ValueError(f"{shown(path)}: {error}") from error


def write_gr(path: str | os.PathLike, pdf: PDF, conditions: Mapping[str, float | str] | None = None) -> None:
    """Write `format_gr(pdf, conditions)` so that the file is whole or not there.

    Raises:
        OSError: If the file cannot be written.
    """
    write_text(path, format_gr(pdf, conditions))


def format_gr(pdf: PDF, conditions: Mapping[str, float | str] | None = None) -> str:
    """The text of a .gr file: named fields in comments, then r, G (and dr = 0, dG), to the last bit.

    `conditions` are further fields that a simulation wants on record, such as biso in Å². `read_gr`,
    `numpy.loadtxt`, `diffpy.utils.parsers.load_data` and PDFgui read it.
    """
    fields = {
        "source": pdf.source,
        "composition": pdf.composition,
        "mode": pdf.mode,
        "wavelength": pdf.wavelength,
        "qmin": pdf.qmin,
        "qmax": pdf.qmax,
        "qdamp": pdf.qdamp,
        "rmin": pdf.rmin,
        "rmax": pdf.rmax,
        "rstep": pdf.rstep,
    }
    fields |= conditions or {}
    lines = [f"# G(r) written by deepstruc_lib {__version__}"]
    lines += [f"# {name} = {value}" for name, value in fields.items() if value is not None]
    label = r"#L r($\AA$)  G($\AA^{-2}$)"
    columns = [pdf.r, pdf.g]
    if pdf.errors is not None:
        label += r"  dr($\AA$)  dG($\AA^{-2}$)"
        columns += [np.zeros_like(pdf.r), pdf.errors]
    lines += ["#### start data", "#S 1", label]
    lines += [" ".join(map(repr, row)) for row in np.column_stack(columns).tolist()]
    return "\n".join(lines) + "\n"


def _parse(text: str, skip: frozenset[str]) -> PDF:
    if _MARKUP.match(text):
        raise ValueError(f"a web page (HTML or XML): needs {_NEEDED}")
    header, rows = split_header(text)
    labels = parse_labels(header)
    table = parse_rows(rows)
    numbers, words = parse_fields(header, skip)
    g, errors = _columns(table, labels)
    pdf = PDF(
        r=table[:, 0],
        g=g,
        errors=errors,
        qmin=numbers.get("qmin"),
        qmax=numbers.get("qmax"),
        qdamp=numbers.get("qdamp"),
        composition=words.get("composition"),
        wavelength=numbers.get("wavelength"),
        mode=words.get("mode"),
    )
    pdf.check_plausible()
    _check_bounds(pdf, numbers)
    return pdf


def _columns(
    table: Float64[np.ndarray, "rows columns"], labels: list[str]
) -> tuple[Float64[np.ndarray, " rows"], Float64[np.ndarray, " rows"] | None]:
    """G and its uncertainties; PDFgui writes zeros where it has none."""
    width = table.shape[1]
    g = table[:, 1]
    if len(labels) == width:
        if "gdiff" in labels:
            return g + table[:, labels.index("gdiff")], None
        at = next((i for i, label in enumerate(labels) if i > 1 and _ERROR_LABEL.fullmatch(label)), None)
    elif width > 4:
        raise ValueError(f"{width} columns without a label: needs r G, r G dG or r G dr dG")
    else:
        at = {2: None, 3: 2, 4: 3}[width]
    errors = None if at is None else table[:, at]
    return g, errors if errors is not None and errors.any() else None


def _check_bounds(pdf: PDF, bounds: dict[str, float]) -> None:
    """The header's rmin, rmax and rstep against the columns, which the check of their peaks has found to be in Å."""
    problem = _disagreement(pdf, bounds)
    if problem is None:
        return
    in_angstrom = {name: 10 * bounds[name] for name in ("rmin", "rmax") if name in bounds}
    # Some programs write the range in nm and the step as in the columns, so that either step may agree.
    steps = [{name: factor * bounds[name] for name in ("rstep",) if name in bounds} for factor in (1, 10)]
    ends_agree = abs(in_angstrom.get("rmax", np.inf) - pdf.rmax) < 1.5 * pdf.rstep
    if not ends_agree or all(_disagreement(pdf, in_angstrom | step) for step in steps):
        raise ValueError(problem)
    log.warning(
        "the header gives r up to %g, the columns up to %g: taking the columns as they are, since their highest peak, "
        "at %.3g, is a bond length in Å, and the header as nm",
        bounds["rmax"],
        pdf.rmax,
        pdf.r[np.argmax(pdf.g)],
    )


def _disagreement(pdf: PDF, bounds: dict[str, float]) -> str | None:
    """Why the columns are not a part (cut, or every n-th point) of what the header promises; None if they are."""
    slack = 1.5 * pdf.rstep
    if pdf.rmin < bounds.get("rmin", 0.0) - slack or pdf.rmax > bounds.get("rmax", np.inf) + slack:
        promised = f"{bounds.get('rmin', 0.0):g} to {bounds.get('rmax', np.inf):g}"
        return (
            f"r from {pdf.rmin:g} to {pdf.rmax:g} in the columns and {promised} in the header: "
            "needs both in Å and in agreement"
        )
    every = pdf.rstep / bounds["rstep"] if bounds.get("rstep", 0.0) > 0 else 1.0
    if abs(every - max(1.0, round(every))) > STEP_TOLERANCE * every:
        return (
            f"steps of {pdf.rstep:g} in the columns and rstep = {bounds['rstep']:g} in the header: "
            "needs both in Å and in agreement"
        )
    return None


def _bare_name(path: str | os.PathLike) -> str | None:
    name = re.split(r"[/\\]", Path(path).name)[-1]
    return "".join(letter for letter in name if letter.isprintable()) or None
