"""Laws of the PDF record: it checks itself, cuts and regrids without inventing data."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepstruc_lib.files import PDF, check_composition

R = np.arange(0, 2000) * 0.01
QMAX = 25.0


def band_limited(r):
    return np.sin(3.1 * r) + 0.5 * np.sin(17.0 * r) + 0.2 * np.sin(QMAX * r)


def test_the_record_cannot_be_changed_nor_can_the_arrays_behind_it():
    g = band_limited(R)
    pdf = PDF(R, g)
    g[5] = 99
    assert pdf.g[5] != 99
    with pytest.raises(FrozenInstanceError):
        pdf.qmin = 1.0
    with pytest.raises(ValueError, match="read-only"):
        pdf.g[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": R[:-1]}, "2000 values of G for 1999"),
        ({"r": [1.0], "g": [1.0]}, "at least two"),
        ({"r": R.reshape(2, -1)}, "shape"),
        ({"r": ["a"] * 2000}, "real number"),
        ({"g": 1j * R}, "real number"),
        ({"g": None}, "real number"),
        ({"r": R[::-1]}, "falling"),
        ({"r": R - 5}, "zero or larger"),
        ({"g": np.where(R[7] == R, np.nan, 1)}, "at point 8"),
        ({"g": 0 * R}, "zero everywhere"),
        ({"errors": R[1:]}, "values of errors"),
        ({"errors": R - 1}, "negative uncertainty"),
        ({"qmin": -1}, "qmin = '-1'"),
        ({"qmax": 0}, "larger than 0"),
        ({"qmax": "wide"}, "qmax = 'wide'"),
        ({"qdamp": float("inf")}, "qdamp"),
        ({"wavelength": 0}, "number in Å, larger than 0"),
        ({"qmin": 2, "qmax": 1}, "below qmax"),
        ({"mode": "sas"}, "xray, neutron, electron"),
        ({"composition": ""}, "sum formula"),
        ({"composition": "X2"}, "unknown element"),
        ({"source": "/home/someone/a.gr"}, "without folders"),
        ({"source": "a\nqmax = 3"}, "without folders"),
    ],
)
def test_what_is_no_pdf_cannot_be_made(change, message):
    with pytest.raises(ValueError, match=message):
        PDF(**({"r": R, "g": band_limited(R)} | change))


@pytest.mark.parametrize(
    ("text", "tidy"), [("Au144S60C180", "Au144 S60 C180"), (" Ti  O 2 ", "Ti O2"), ("Pt0.5Ni", "Pt0.5 Ni")]
)
def test_composition_is_tidied(text, tidy):
    assert check_composition(text) == tidy
    assert check_composition(tidy) == tidy


def test_regridding_a_band_limited_curve_gives_the_curve():
    coarse = R[200:1900:4] + 0.003
    np.testing.assert_allclose(PDF(R, band_limited(R)).regrid(coarse).g, band_limited(coarse), atol=1e-4)


def test_regridding_onto_itself_changes_nothing():
    pdf = PDF(R, band_limited(R), errors=1 + R, qmax=QMAX, source="a.gr")
    same = pdf.regrid(R)
    np.testing.assert_allclose(same.g, pdf.g, atol=1e-14)
    np.testing.assert_allclose(same.errors, pdf.errors)
    assert (same.qmax, same.source) == (QMAX, "a.gr")


@pytest.mark.parametrize("r", [np.arange(0, 31) * 1.0, np.arange(30, 60) * 1.0, []])
def test_regridding_never_leaves_the_data(r):
    with pytest.raises(ValueError, match=r"r from 0 to 19.99 Å: needs"):
        PDF(R, band_limited(R)).regrid(r)


@settings(max_examples=60, deadline=None)
@given(low=st.floats(0, 9), span=st.floats(0.05, 10))
def test_a_cut_keeps_exactly_the_points_inside(low, span):
    pdf = PDF(R, band_limited(R), errors=R)
    part = pdf.cut(low, low + span)
    inside = (low - 1e-4 <= R) & (low + span + 1e-4 >= R)
    assert np.array_equal(part.r, R[inside])
    assert np.array_equal(part.g, pdf.g[inside])
    assert np.array_equal(part.errors, pdf.errors[inside])


def test_a_cut_reaches_the_excluded_end_of_a_grid_but_pads_nothing():
    pdf = PDF(R, band_limited(R))
    assert pdf.cut(2, 20).rmax == pytest.approx(19.99)
    with pytest.raises(ValueError, match="needs 2 to 30"):
        pdf.cut(2, 30)
    with pytest.raises(ValueError, match="needs 5 to 2"):
        pdf.cut(5, 2)
