"""What the header of a .gr file says: named fields and column labels, nothing else.

Headers of measured files hold folders and names of the people who made them, so nothing is kept that is not
named in `NUMBERS` or is not a known word.
"""

import re

from deepstruc_lib.files.pdf import check_composition

# qmaxinst, the end of the instrument's data, is another thing than qmax, the end of the transform.
NUMBERS = ("qmin", "qmax", "qdamp", "wavelength", "rmin", "rmax", "rstep")
_MODES = {
    "xray": "xray", "x-ray": "xray", "x": "xray",
    "neutron": "neutron", "n": "neutron",
    "electron": "electron", "ed": "electron",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"(?<![\w.])([A-Za-z_]\w*)[ \t]*[=:][ \t]*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.,])")
# What stands further right is no field, and patterns are slow on long lines.
_LONGEST_LINE = 1000
# PDFgui prints qmax with two decimals, then the full value among its metadata.
_ROUNDING = 0.0051
_LABEL_LINE = re.compile(r"#L\s|#?\s*[rq]\s*(?:[(\[][^)\]]*[)\]])?[\s,;]+[gsfi](?:\(?[rq]|\b)", re.IGNORECASE)
_LABEL = re.compile(r"([A-Za-z_]+)\s*(?:[(\[]([^)\]]*)[)\]])?")
_ANGSTROM = re.compile(r"(?:\\?aa?|[åÅ]|[aå]ngstr[oö]ms?|ang\.?)", re.IGNORECASE)


def parse_fields(lines: list[str], skip: frozenset[str] = frozenset()) -> tuple[dict[str, float], dict[str, str]]:
    """Known numbers and words of lines such as `qmax = 25.0`, `# qmin=0.8` or `stype=X qmax=25 qdamp=0.03`.

    A line is read only if its first name is a known one: file names may contain `qmax=25` too. Empty fields and
    words of no known meaning are left out. A qmax or wavelength of 0 means "none" (PDFgui writes so): left out as well.

    Args:
        lines: Lines before the numbers.
        skip: Names the caller knows better.

    Raises:
        ValueError: If a field is given twice with two values, is no number, or is no sum formula.
    """
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    for line in lines:
        text = line[:_LONGEST_LINE].lstrip("#; \t")
        first = _ASSIGNMENT.match(text)
        if not first or first[1].lower() not in (*NUMBERS, "composition", "mode", "stype"):
            continue
        if first[1].lower() == "composition":
            formula = text[first.end() :].strip()
            if formula and "composition" not in skip:
                words["composition"] = check_composition(formula)
            continue
        for found in _ASSIGNMENT.finditer(text):
            name, value = found[1].lower(), text[found.end() :].split(maxsplit=1)[:1]
            if value and name in ("mode", "stype") and value[0].lower() in _MODES:
                words["mode"] = _MODES[value[0].lower()]
            elif value and name in NUMBERS and name not in skip:
                _add_number(numbers, name, value[0].rstrip(",;"))
    return numbers, words


def _add_number(numbers: dict[str, float], name: str, word: str) -> None:
    if word.lower() == "none":
        return
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{name} = {word[:20]!r} in the header: needs a number")
    value = float(word)
    if name in ("qmax", "wavelength") and value == 0:
        return
    before = numbers.get(name, value)
    if abs(before - value) > _ROUNDING:
        raise ValueError(f"{name} twice in the header ({before:g} and {value:g}): needs one")
    numbers[name] = value


def parse_labels(lines: list[str]) -> list[str]:
    """Names of the columns, in lower case, from the last line such as `#L r(A) G(r)` or `r, Gr`; empty if none.

    Raises:
        ValueError: If the columns are not r in Å and G in Å⁻².
    """
    short = (line[:_LONGEST_LINE].strip() for line in reversed(lines))
    label = next((line for line in short if _LABEL_LINE.match(line)), None)
    if label is None:
        return []
    columns = _LABEL.findall(label.removeprefix("#L"))
    names = [name.lower() for name, _ in columns]
    if names and names[0] in ("q", "tth", "twotheta", "theta"):
        raise ValueError(f"a function of {columns[0][0]} by its label: needs G(r), two columns r and G")
    for name, unit in columns[:2]:
        bare = unit.replace("$", "").strip()
        if "nm" in bare.lower() or (name.lower() == "r" and bare and not _ANGSTROM.fullmatch(bare)):
            raise ValueError(
                f"{name} in {bare[:20]!r} by its label: needs r in Å and G in Å⁻² (from nm: r × 10, G ÷ 100)"
            )
    return names
