"""Laws of the measured data: checksums always hold, folders come first, no network is said clearly."""

import hashlib
from dataclasses import replace

import pooch
import pytest

from deepstruc_lib.files import MEASURED, DataUnavailable, measured

CONTENT = b"0 0\n0.01 0.1\n"


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    def refuse(self, url, *_, **__):
        assert url.startswith("https://raw.githubusercontent.com/EmilSkaaning/DeepStruc/7b5088ee")
        assert url.endswith("/data/PDFs_experimental/Au144pMBA.gr")
        raise ConnectionError("no network in tests")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", refuse)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("DEEPSTRUC_DATA", raising=False)
    sample = MEASURED["Au144pMBA"]
    return monkeypatch.setitem(MEASURED, "Au144pMBA", replace(sample, sha256=hashlib.sha256(CONTENT).hexdigest()))


def test_the_folder_is_looked_at_first(monkeypatch, tmp_path):
    (tmp_path / "Au144pMBA.gr").write_bytes(CONTENT)
    monkeypatch.setenv("DEEPSTRUC_DATA", str(tmp_path))
    assert measured("Au144pMBA") == tmp_path / "Au144pMBA.gr"


def test_a_changed_file_in_the_folder_is_refused(monkeypatch, tmp_path):
    (tmp_path / "Au144pMBA.gr").write_bytes(CONTENT + b"0.02 0.2\n")
    monkeypatch.setenv("DEEPSTRUC_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"has the sha256 .*: needs"):
        measured("Au144pMBA")


def test_a_folder_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPSTRUC_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="no such folder"):
        measured("Au144pMBA")


@pytest.mark.parametrize("folder", [None, "empty"])
def test_without_network_one_exception_says_what_helps(monkeypatch, tmp_path, folder):
    if folder:
        (tmp_path / folder).mkdir()
        monkeypatch.setenv("DEEPSTRUC_DATA", str(tmp_path / folder))
    with pytest.raises(DataUnavailable, match=r"Au144pMBA.gr: is neither .*githubusercontent.* DEEPSTRUC_DATA set"):
        measured("Au144pMBA")


def test_an_earlier_download_needs_no_network(tmp_path):
    cached = tmp_path / "cache" / "deepstruc_lib" / "Au144pMBA.gr"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert measured("Au144pMBA") == cached


def test_unknown_names_are_told_the_known_ones():
    with pytest.raises(ValueError, match="Au144PET, Au144pMBA, JQ_S1"):
        measured("Au145")
