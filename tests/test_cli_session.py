"""What holds for every command: characters, errors of the user and of the program, version, progress."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from ase.io import write

from deepstruc_lib import __version__, cli, progress
from deepstruc_lib.cli.messages import degrade_characters
from deepstruc_lib.files import PDF, write_gr
from deepstruc_lib.particles import Recipe

R = np.arange(1, 800) * 0.03
G = sum(a * np.sin(2.3 * (R - d)) * np.exp(-((R - d) ** 2) / 0.05) for a, d in ((3, 2.8), (1, 4.0), (2, 4.9), (1, 7)))


@pytest.fixture
def gr(tmp_path):
    write_gr(tmp_path / "my.gr", PDF(r=R, g=G + np.exp(-((R - 2.8) ** 2) / 0.03), qmin=1, qmax=24, composition="Au"))
    return tmp_path / "my.gr"


@pytest.fixture
def particle(tmp_path):
    write(tmp_path / "particle.xyz", Recipe("Icosahedron", (2,)).build("Au", 2.8))
    return tmp_path / "particle.xyz"


def run(monkeypatch, *arguments, encoding="utf-8") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command whose streams know just the characters of an encoding."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["deepstruc", *map(str, arguments)])
        patch.setattr("sys.stdout", streams[0])
        patch.setattr("sys.stderr", streams[1])
        with pytest.raises(SystemExit) as end:
            cli.main()
    texts = []
    for stream in streams:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode(encoding))
    return end.value.code or 0, *texts


@pytest.mark.parametrize(
    ("encoding", "unit"), [("utf-8", "98 Å"), ("cp1252", "98 Å"), ("latin-1", "98 Å"), ("ascii", "98 A")]
)
def test_no_result_is_lost_for_a_character(monkeypatch, gr, particle, encoding, unit):
    code, out, err = run(monkeypatch, "fit", gr, particle, encoding=encoding)
    assert (code, err) == (0, "")
    assert "Rw " in out
    assert unit in out
    assert "?" not in out


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_help_lists_and_messages_are_shown_in_any_encoding(monkeypatch, gr, tmp_path, encoding):
    assert "Lower end of the Fourier" in run(monkeypatch, "solve", "--help", encoding=encoding)[1]
    assert "mlg-cvae" in run(monkeypatch, "models", encoding=encoding)[1]
    (tmp_path / "short.gr").write_text("0 1\n0.1 -1\n0.2 1\n")
    code, _, err = run(monkeypatch, "solve", tmp_path / "short.gr", encoding=encoding)
    assert (code, err.count("\n")) == (2, 1)


def test_characters_become_plainer_only_where_they_must(monkeypatch):
    for encoding, written in (("utf-8", "Å⁻² – ± × Ω"), ("latin-1", "Å-² - ± × ?"), ("ascii", "A-2 - +/- x ?")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr("sys.stdout", stream)
        degrade_characters()
        print("Å⁻² – ± × Ω", end="", flush=True)
        assert stream.buffer.getvalue().decode(encoding) == written


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}])
def test_solve_keeps_its_table_in_any_locale(gr, settings):
    command = [sys.executable, "-c", "from deepstruc_lib.cli import main; main()", "solve", gr, "--top", "2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    done = subprocess.run(command, env=environment | settings, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(b"Rw over 2")
    assert len(done.stdout.splitlines()) == 4


# ---- errors ----


def broken(*_, **__):
    return np.zeros(3) + np.zeros(4)


def test_an_error_of_the_program_keeps_its_traceback_and_is_not_blamed_on_the_input(monkeypatch, gr, particle):
    monkeypatch.setattr("deepstruc_lib.solving.fit", broken)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("sys.argv", ["deepstruc", "fit", str(gr), str(particle)])
    with pytest.raises(ValueError, match="broadcast"):
        cli.main()
    assert "an error of the program" in stream.getvalue()


@pytest.mark.parametrize("asked", [True, False])
def test_debug_shows_where_the_input_was_refused(monkeypatch, tmp_path, asked):
    (tmp_path / "bad.gr").write_text("once upon a time")
    monkeypatch.setattr("sys.argv", ["deepstruc", *["--debug"] * asked, "solve", str(tmp_path / "bad.gr")])
    if not asked:
        monkeypatch.setenv("DEEPSTRUC_DEBUG", "1")
    with pytest.raises(ValueError, match="needs two columns"):
        cli.main()


def test_an_address_that_is_none_is_refused_as_such(monkeypatch, gr):
    for address in ("nonsense", "tcp://", "host:port"):
        code, _, err = run(monkeypatch, "solve", gr, "--cluster", address)
        assert code == 2
        assert "needs the address of a dask scheduler" in err


# ---- small things ----


def test_the_version_and_the_help_end_well(monkeypatch):
    assert run(monkeypatch, "--version") == (0, f"deepstruc_lib {__version__}\n", "")
    code, out, err = run(monkeypatch)
    assert (code, err) == (0, "")
    assert "--version" in out
    assert "evaluate" in out


@pytest.mark.parametrize("element", ["pt", "PT", "Pt"])
def test_elements_are_known_in_any_case(monkeypatch, gr, element):
    asked = []
    monkeypatch.setattr("deepstruc_lib.solving.solve", lambda pdf, **options: asked.append(options) or broken())
    with pytest.raises(ValueError, match="broadcast"):
        run(monkeypatch, "solve", gr, "--element", element)
    assert asked[0]["element"] == "Pt"


# ---- progress ----


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_every_few_seconds_and_time_left_counts_from_the_first_report(clock, capsys):
    with progress.progress_bar("structures") as report:
        clock[0] += 24  # loading: of no meaning for the rate
        report(0, 1000)
        for done in range(1, 1001):
            clock[0] += 0.1
            report(done, 1000, "best 0.1")
    lines = capsys.readouterr().err.splitlines()
    assert 9 <= len(lines) <= 11
    assert lines[0] == "0 of 1000 structures"
    assert all(line.endswith("left, best 0.1") for line in lines[1:])
    done, left = int(lines[3].split()[0]), int(lines[3].split("about ")[1].split()[0])
    assert left == round(0.1 * (1000 - done))


def test_a_terminal_gets_a_bar_whose_rate_knows_nothing_of_the_time_before(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "_DELAY", 0)
    with progress.progress_bar("structures") as report:
        report(5, 10)
        report(6, 10, "best 0.1")
    assert "5/10" in stream.getvalue()


def test_nothing_is_shown_where_nothing_is_asked_for(clock, capsys):
    with progress.progress_bar("structures", show=False) as report:
        clock[0] += 1000
        report(1, 2)
    assert capsys.readouterr().err == ""


def test_json_stays_alone_on_stdout(monkeypatch, gr, particle):
    code, out, _ = run(monkeypatch, "fit", gr, particle, "--json", encoding="ascii")
    assert code == 0
    assert "rw" in json.loads(out)
