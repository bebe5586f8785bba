"""Laws of reading and writing G(r): dialects, round trips, nothing wrong read in silence."""

import logging
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from diffpy.utils.parsers import load_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepstruc_lib.files import MEASURED, PDF, format_gr, measured, read_gr, write_gr
from deepstruc_lib.files.textfiles import SIZE_LIMIT

DATA = Path(__file__).parent / "data" / "files"
DIALECTS = sorted(path.name for path in DATA.iterdir())
R = np.arange(121) * 0.1
G = 4 * np.exp(-((R - 2.8) ** 2) / 0.06) + 2 * np.exp(-((R - 4.9) ** 2) / 0.08) - 0.02 * R
FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def table(*columns, form="{:.10g}"):
    return "".join(" ".join(form.format(value) for value in row) + "\n" for row in zip(*columns, strict=True))


def saved(tmp_path, content, name="bad.gr"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_same(one, other):
    for field in fields(PDF):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right, field.name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("pdfgetx3.gr", {"qmin": 1.25, "qmax": 27.5, "composition": "Au", "mode": "xray", "wavelength": None}),
        ("xpdfsuite.gr", {"qmin": 1.0, "qmax": 21.998245281, "composition": "Pt", "wavelength": 0.1}),
        ("pdfgetxgui.gr", {"qmin": 0.8, "qmax": 26.0, "composition": "Au144 S60 C180", "mode": "xray"}),
        ("pdfgui.gr", {"qmin": None, "qmax": 21.998, "qdamp": 0.037, "composition": None, "mode": "neutron"}),
        ("pdfgui_fit.fgr", {"qmin": None, "qmax": 22.0, "qdamp": 0.037, "mode": "neutron"}),
    ],
)
def test_every_dialect_gives_its_named_fields(name, known):
    pdf = read_gr(DATA / name)
    assert {key: getattr(pdf, key) for key in known} == known
    assert (len(pdf.r), pdf.rmin, pdf.rmax, pdf.source) == (61, 0.0, 12.0, name)
    assert pdf.rstep == pytest.approx(0.2)


def test_a_saved_fit_gives_the_observed_curve_not_the_calculated_one():
    fit, observed = read_gr(DATA / "pdfgui_fit.fgr"), read_gr(DATA / "pdfgui.gr")
    np.testing.assert_allclose(fit.g, observed.g, atol=2e-5)


def test_uncertainties_are_the_column_the_label_names():
    pdf = read_gr(DATA / "pdfgui.gr")
    np.testing.assert_allclose(pdf.errors, 0.01 + 0.001 * pdf.r)


@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_private_survives(name):
    pdf = read_gr(DATA / name)
    assert "private" not in format_gr(pdf) + repr(pdf)
    assert "secret" not in format_gr(pdf) + repr(pdf)


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_plain_columns_are_r_g_and_uncertainties_in_the_order_of_diffpy(tmp_path, columns):
    dg = 0.1 + R / 100
    chosen = {2: (R, G), 3: (R, G, dg), 4: (R, G, 0 * R + 7, dg)}[columns]
    pdf = read_gr(saved(tmp_path, table(*chosen)))
    np.testing.assert_allclose(pdf.g, G, rtol=1e-9)
    if columns == 2:
        assert pdf.errors is None
    else:
        np.testing.assert_allclose(pdf.errors, dg)


def test_columns_of_zero_uncertainty_are_no_uncertainty(tmp_path):
    assert read_gr(saved(tmp_path, table(R, G, 0 * R, 0 * R))).errors is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_and_line_ends_do_not_matter(tmp_path, encoding, end):
    text = "# measured by Kjær\nqmax = 25.0\n#L r(Å) G(Å^-2)\n" + table(R, G)
    data = text.replace("\n", end).encode(encoding)
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    pdf = read_gr(saved(tmp_path, data))
    assert pdf.qmax == 25.0
    np.testing.assert_allclose(pdf.r, R, atol=1e-9)


def test_r_printed_with_an_uneven_linspace_is_kept_as_given(tmp_path):
    r = np.linspace(0, 30, 3000)
    text = "# r, Gr\n" + table(r, np.sin(3 * r) * np.exp(-((r - 3) ** 2)), form="{:.18e}")
    assert np.array_equal(read_gr(saved(tmp_path, text)).r, r)


def test_given_values_override_the_header():
    pdf = read_gr(DATA / "pdfgetx3.gr", qmin=0.5, qmax=20.0, composition="Ag2Au")
    assert (pdf.qmin, pdf.qmax, pdf.composition) == (0.5, 20.0, "Ag2 Au")


def test_a_broken_field_matters_only_where_it_is_not_given(tmp_path):
    path = saved(tmp_path, "qmax = soon\ncomposition = gold\n" + table(R, G))
    with pytest.raises(ValueError, match="qmax = 'soon'"):
        read_gr(path, composition="Au")
    assert read_gr(path, qmax=25.0, composition="Au").composition == "Au"


def test_a_pdf_cut_or_thinned_by_hand_agrees_with_its_old_header(tmp_path):
    header = "rmin = 0\nrmax = 30\nrstep = 0.05\n"
    assert read_gr(saved(tmp_path, header + table(R[10:], G[10:]))).rmin == pytest.approx(1.0)


BAD = {
    "empty": (b"", "is empty"),
    "binary": (bytes(range(256)) * 20, "binary data"),
    "ten megabytes of zeros": (bytes(10 * 2**20), "binary data"),
    "half a million lines": (b"0 0\n" * 500_000, "over 400000 lines"),
    "an endless word": (b"9" * 10**6 + b"x 1\n", "in line 1"),
    "an endless number": ("0 0\n1 " + "9" * 10**6 + "x\n", "in line 2"),
    "an endless label": ("# r" + " " * 10**6 + "x\n", "no rows"),
    "an endless field": ("composition = " + "Au " * 10**6 + "!\n" + table(R, G), "sum formula"),
    "UTF-16 without a mark": (table(R, G).encode("utf-16-le"), "byte order mark"),
    "UTF-16 cut off": (b"\xff\xfe" + table(R, G).encode("utf-16-le")[:-1], "byte order mark"),
    "HTML": ("<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
    "Git LFS pointer": ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "no rows"),
    "header only": ("qmin = 1\nqmax = 25\n#### start data\n", "no rows"),
    "NaN": (table(R, G).replace("2.8 ", "2.8 nan #", 1), "'nan' in line 29"),
    "inf": (table(R, np.where(R[40] == R, np.inf, G)), "'inf' in line 41"),
    "text in numbers": ("#### start data\n" + table(R, G).replace("0.5 ", "0.5 oops", 1), "in line 7"),
    "text at the end": (table(R, G) + "the end\n", "'the' in line 122"),
    "decimal commas": (table(R, G).replace(".", ","), "decimal points"),
    "comma separated": (table(R, G).replace(" ", ", "), "commas"),
    "one column": (table(G), "one column"),
    "ragged": (table(R, G) + "12.1\n", "1 columns in line 122"),
    "five columns": (table(R, G, G, G, G), "5 columns"),
    "r descending": (table(R[::-1], G[::-1]), "falling"),
    "r not sorted": (table(np.r_[R[:50], R[60], R[51:]], G), "falling"),
    "r repeated": (table(np.r_[R[:50], R[49], R[51:]], G), "repeated"),
    "gap": (table(np.delete(R, 50), np.delete(G, 50)), "equal steps"),
    "r not uniform": (table(R**1.1, G), "equal steps"),
    "nm, by the peak": (table(R / 10, 100 * G), "in nm"),
    "nm, by the label": ("#L r(nm) G(nm^-2)\n" + table(R, G), "'nm'"),
    "nm, by a bare label": ("# r (nm)  G (nm^-2)\n" + table(R, G), "'nm'"),
    "nm, by the header": ("rmax = 120\nrstep = 1\n" + table(R, G), "agreement"),
    "r beyond the header": ("rmin = 0\nrmax = 5\n" + table(R, G), "agreement"),
    "pm": (table(R * 100, G / 1e4), "steps of 10"),
    "negative r": (table(R - 1, G), "zero or larger"),
    "too short": (table(R[:80], G[:80]), "at least 10"),
    "first shell missing": (table(R[35:], G[35:]), "starts at 3.5"),
    "all zero": (table(R, 0 * G), "zero everywhere"),
    "constant": (table(R, 0 * G + 1), "everywhere"),
    "I(Q)": (table(R, np.exp(-R)), "nm"),
    "S(Q)": (table(R, 1 + 0.1 * G), "all positive"),
    "S(Q), by the label": ("#L Q($\\AA^{-1}$) S\n" + table(R, G), "function of Q"),
    "immense": (table(R, G * 1e200), "as large as"),
    "two values of qmin": ("qmin = 1\nqmin = 2\n" + table(R, G), "qmin twice"),
    "qmin above qmax": ("qmin = 25\nqmax = 1\n" + table(R, G), "qmin below qmax"),
    "qmax not a number": ("qmax = nan\n" + table(R, G), "qmax = 'nan'"),
    "unknown element": ("composition = Au Zz\n" + table(R, G), "unknown element 'Zz'"),
    "a path as composition": ("composition = /home/someone\n" + table(R, G), "sum formula"),
    "negative uncertainty": (table(R, G, G), "negative uncertainty"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_end_in_one_line_that_says_what_came_and_what_is_needed(tmp_path, case):
    content, message = BAD[case]
    path = saved(tmp_path, content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is checked below
        read_gr(path)
    text = str(caught.value)
    assert message in text
    assert text.startswith(f"{path}: ")
    assert re.search("[;:] needs ", text)
    assert text.isprintable()
    assert len(text) < 300 + len(str(path))


@pytest.mark.parametrize("rstep", ["", "rstep = 0.1\n", "rstep = 0.01\n"])
def test_a_header_in_nm_over_columns_in_angstrom_is_a_note(tmp_path, caplog, rstep):
    caplog.set_level(logging.WARNING)
    header = "rmin = 0\nrmax = 1.2\n" + rstep
    assert read_gr(saved(tmp_path, header + table(R, G))).rmax == pytest.approx(12)
    assert "a bond length in Å, and the header as nm" in caplog.text
    caplog.clear()
    for other in (header.replace("1.2", "2.4"), header.replace("1.2", "0.9"), header.replace("1.2", "0.12")):
        with pytest.raises(ValueError, match="in agreement"):
            read_gr(saved(tmp_path, other.replace("rmin = 0\n", "rmin = 0.3\n") + table(R, G)))
    assert not caplog.text


def test_a_gigabyte_of_zeros_is_refused_unread(tmp_path):
    path = tmp_path / "zeros.gr"
    with path.open("wb") as stream:
        stream.truncate(2**30)
    with pytest.raises(ValueError, match=f"has 1024 MiB: .* at most {SIZE_LIMIT >> 20} MiB"):
        read_gr(path)


@pytest.mark.parametrize("name", ["missing.gr", "missing/folder.gr", "", "a\0b", "x" * 300])
def test_files_that_are_not_there(tmp_path, name):
    with pytest.raises((OSError, ValueError), match=r"no such file|cannot be read|is a folder|null"):
        read_gr(tmp_path / name)


def test_pipes_and_devices_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.gr")
    for path in (tmp_path / "pipe.gr", "/dev/zero"):
        with pytest.raises(ValueError, match="device or pipe"):
            read_gr(path)


def test_a_folder_that_cannot_be_written_to(tmp_path):
    with pytest.raises(OSError, match="cannot be written"):
        write_gr(tmp_path / "missing" / "out.gr", PDF(R, G))
    assert not list(tmp_path.iterdir())


def test_a_file_without_permission(tmp_path):
    path = saved(tmp_path, table(R, G))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root, and all of Windows, may read everything")
    with pytest.raises(OSError, match=r"cannot be read .*: needs a PDF"):
        read_gr(path)


@st.composite
def pdfs(draw):
    n, step = draw(st.integers(110, 130)), draw(st.floats(0.1, 0.2))
    r = draw(st.floats(0, 2.5)) + step * np.arange(n)
    tiny = draw(st.lists(st.floats(-1e-3, 1e-3), min_size=n, max_size=n))
    g = np.sin(4 * r) * np.where(r > 1, 1.0, 0.1) * draw(st.floats(1e-2, 1e3)) + np.array(tiny) * 1e-2
    maybe = lambda values: st.none() | values  # noqa: E731 - a word for "or not given"
    return PDF(
        r=r,
        g=g,
        errors=draw(maybe(st.just(np.abs(g) + 1e-9))),
        qmin=draw(maybe(st.floats(0, 2))),
        qmax=draw(maybe(st.floats(10, 40))),
        qdamp=draw(maybe(st.floats(0, 1, allow_subnormal=True))),
        composition=draw(maybe(st.sampled_from(["Au", "Au144 S60 C180", "Pt0.5 Ni0.5"]))),
        wavelength=draw(maybe(st.floats(0.01, 2))),
        mode=draw(maybe(st.sampled_from(["xray", "neutron", "electron"]))),
        source="pdf.gr",
    )


@FEW
@given(pdf=pdfs())
def test_what_is_written_is_read_to_the_last_bit(tmp_path, pdf):
    path = tmp_path / "pdf.gr"
    write_gr(path, pdf)
    assert_same(read_gr(path), pdf)


def test_other_readers_understand_what_is_written(tmp_path):
    pdf = replace(read_gr(DATA / "pdfgui.gr"), qmin=0.5)
    write_gr(tmp_path / "out.gr", pdf)
    for columns in (np.loadtxt(tmp_path / "out.gr", unpack=True), load_data(tmp_path / "out.gr", unpack=True)):
        r, g, _, errors = columns
        assert np.array_equal([r, g, errors], [pdf.r, pdf.g, pdf.errors])
    header = load_data(tmp_path / "out.gr", headers=True)
    assert (header["# qmin"], header["# qmax"]) == (0.5, 21.998)


def test_writing_leaves_the_old_file_or_the_new_one_and_nothing_else(tmp_path, monkeypatch):
    path, pdf = tmp_path / "out.gr", PDF(R, G)
    write_gr(path, pdf)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_gr(path, replace(pdf, g=2 * G))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_writing_follows_links_and_keeps_rights(tmp_path):
    target, link = saved(tmp_path, "old", "target.gr"), tmp_path / "link.gr"
    link.symlink_to(target)
    target.chmod(0o640)
    write_gr(link, PDF(R, G))
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert np.array_equal(read_gr(target).g, G)


def attempt(path):
    try:
        return read_gr(path)
    except (ValueError, OSError) as error:
        if not str(error).isprintable():
            raise
        return None


@FEW
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")))
def test_arbitrary_bytes_raise_nothing_but_the_two(tmp_path, data):
    assert attempt(saved(tmp_path, data)) is None


@FEW
@given(name=st.sampled_from(DIALECTS), data=st.data())
def test_a_damaged_file_is_refused_or_still_a_sound_pdf(tmp_path, name, data):
    good = bytearray((DATA / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(good) - 1))
        length = data.draw(st.integers(0, 3))
        good[at : at + length] = data.draw(
            st.sampled_from([b"", b"\n", b" ", b"-", b"nan", b"9", b".", b",", b"\0", b"#"])
        )
    pdf = attempt(saved(tmp_path, bytes(good)))
    if pdf is not None:
        assert np.isfinite(pdf.g).all()
        assert (np.diff(pdf.r) > 0).all()
        assert "private" not in format_gr(pdf)


@pytest.mark.skipif(not os.environ.get("DEEPSTRUC_DATA"), reason="DEEPSTRUC_DATA names no folder of measured data")
@pytest.mark.parametrize("name", MEASURED)
def test_the_measured_files_are_what_their_records_say(name):
    sample, pdf = MEASURED[name], read_gr(measured(name))
    assert (pdf.qmin, pdf.qmax) == (sample.qmin, sample.qmax)
    assert pdf.composition == ("Au144 S60 C180" if name == "Au144PET" else sample.element)
    assert (pdf.rmin, pdf.rmax, pdf.mode, pdf.source) == (0.0, sample.rmax, "xray", sample.file)
    assert pdf.rstep == pytest.approx(0.01)
    near = pdf.cut(2.3, 3.5)
    assert near.r[near.g.argmax()] == pytest.approx(sample.first_peak, abs=0.01)
    assert "Users" not in format_gr(pdf)
