"""The block of numbers in a text file, with the line of whatever is wrong in it."""

import re

import numpy as np
from jaxtyping import Float64

_START_MARK = re.compile(r"#+\s*start data", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
# 200 Å in steps of 0.001 Å, twice over; Python holds a line in about 200 bytes.
MOST_LINES = 400_000
# Longer words are no numbers, and patterns are slow on them.
_LONGEST_NUMBER = 400
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d")


def split_header(text: str) -> tuple[list[str], list[tuple[int, str]]]:
    """Comment and header lines, and the numbered lines (from 1) that hold numbers.

    The numbers start after the mark `#### start data`, or without one at the first line that begins with a
    number. Comments after that still count as header, as labels of columns stand there.

    Raises:
        ValueError: If there are more than `MOST_LINES` lines.
    """
    if max(text.count("\n"), text.count("\r")) > MOST_LINES:
        raise ValueError(f"over {MOST_LINES} lines: needs a PDF of fewer points")
    lines = re.split(r"\r\n|\r|\n", text)
    marks = [number for number, line in enumerate(lines) if _START_MARK.match(line)]
    begin = marks[0] + 1 if marks else None
    header, rows = [], []
    for number, line in enumerate(lines):
        content = line.split("#", 1)[0].strip()
        if begin is None and content and _starts_with_number(content):
            begin = number
        if begin is None or number < begin or not content:
            header.append(line)
        else:
            rows.append((number + 1, content))
    return header, rows


def parse_rows(rows: list[tuple[int, str]]) -> Float64[np.ndarray, "rows columns"]:
    """Finite numbers in equally long rows of two columns or more.

    Raises:
        ValueError: Naming the line that is no such row.
    """
    if not rows:
        raise ValueError("no rows of numbers: needs two columns, r in Å and G in Å⁻²")
    try:
        table = np.loadtxt([content for _, content in rows], comments=None, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise ValueError(_explain(rows)) from error
    if table.shape[1] < 2:
        raise ValueError(f"one column (line {rows[0][0]}): needs two, r in Å and G in Å⁻²")
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        row, column = bad[0]
        found = rows[row][1].split()[column][:20]
        raise ValueError(f"{found!r} in line {rows[row][0]}, column {column + 1}: needs finite numbers")
    return table


def _starts_with_number(content: str) -> bool:
    word = content.split(maxsplit=1)[0][:_LONGEST_NUMBER].rstrip(",;")
    return bool(_NUMBER.fullmatch(word) or _DECIMAL_COMMA.match(word))


def _explain(rows: list[tuple[int, str]]) -> str:
    """What is wrong with the first row that numpy could not read."""
    width = len(rows[0][1].split())
    for number, content in rows:
        words = content.split()
        for word in words:
            if _DECIMAL_COMMA.match(word) or word[-1] in ",;":
                return (
                    f"{word[:20]!r} in line {number}: needs decimal points, "
                    "and columns parted by blanks instead of commas"
                )
            if len(word) > _LONGEST_NUMBER or not _NUMBER.fullmatch(word):
                return f"{word[:20]!r} in line {number}: needs a number"
        if len(words) != width:
            return f"{len(words)} columns in line {number} and {width} before: needs as many in all rows"
    return "the rows are no numbers: needs two columns, r in Å and G in Å⁻²"
