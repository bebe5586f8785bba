"""The search agrees with stored results of refining every shape (made by benchmarks/library_reference.py)."""

import sys
from pathlib import Path

import pytest

from deepstruc_lib.files import DataUnavailable
from deepstruc_lib.solving import library_fit

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import library_reference as reference

STORED = reference.load()
FAST = 3


def check(key: str, library: str, pdf) -> None:
    found = reference.best(library_fit(pdf, library))
    assert found.keys() == STORED[key].keys()
    assert found == pytest.approx(STORED[key], abs=reference.TIE)


def stored_cases(kind: str, end: int | None = None):
    return [case for case in reference.cases(kind, 0, end) if case[0] in STORED]


def test_the_first_few_of_the_corpus_come_out_as_refining_everything():
    cases = stored_cases("deepstruc", FAST)
    assert cases
    for case in cases:
        check(*case)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deepstruc", "extended"])
def test_all_that_is_stored_comes_out_as_refining_everything(kind):
    cases = stored_cases(kind)
    assert cases
    for case in cases:
        check(*case)


@pytest.mark.slow
def test_measured_files_come_out_as_refining_everything():
    try:
        cases = stored_cases("measured")
    except DataUnavailable as reason:
        pytest.skip(str(reason))
    assert cases
    for case in cases:
        check(*case)
