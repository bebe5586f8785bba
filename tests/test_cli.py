"""The command line is a contract: JSON alone on stdout, messages on stderr, exit code 2 and one line for bad input."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.io import write

from deepstruc_lib import cli
from deepstruc_lib.files import PDF, read_gr, write_gr, write_structure
from deepstruc_lib.particles import Recipe
from deepstruc_lib.scattering import PDFSettings, simulate

SETTINGS = PDFSettings(qmin=1, qmax=24, qdamp=0.04, rmax=22, rstep=0.02, biso=0.7, delta2=2.5)
TRUTH = Recipe("Icosahedron", (3,))


@pytest.fixture
def deepstruc(monkeypatch, capsys):
    """Runs the command and gives (exit code, stdout, stderr)."""

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["deepstruc", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.fixture
def particle(tmp_path):
    write(tmp_path / "particle.xyz", TRUTH.build("Au", 2.8))
    return tmp_path / "particle.xyz"


@pytest.fixture
def gr(tmp_path):
    g = simulate(torch.tensor(TRUTH.positions(2.8)), SETTINGS).numpy()
    write_gr(tmp_path / "my.gr", PDF(r=SETTINGS.r, g=g, qmin=1, qmax=24, qdamp=0.04, composition="Au55 S3"))
    return tmp_path / "my.gr"


def test_simulate_prints_or_writes_what_the_library_computes(deepstruc, particle, tmp_path):
    options = ["--preset", "mlg", "--qmax", "22", "--rmin", "1", "--rmax", "15", "--rstep", "0.05"]
    code, out, err = deepstruc("simulate", particle, *options)
    assert (code, err) == (0, "")
    (tmp_path / "printed.gr").write_text(out)
    assert deepstruc("simulate", particle, *options, "-o", tmp_path / "written.gr")[0] == 0
    printed, written = read_gr(tmp_path / "printed.gr"), read_gr(tmp_path / "written.gr")
    np.testing.assert_array_equal(printed.g, written.g)
    settings = PDFSettings(qmin=0, qmax=22, qdamp=0.04, rmin=1, rmax=15, rstep=0.05, biso=1, delta2=2)
    np.testing.assert_allclose(printed.g, simulate(torch.tensor(TRUTH.positions(2.8)), settings), atol=1e-6)
    assert (printed.qmin, printed.qmax, printed.composition) == (0, 22, "Au55")


def test_diffpy_mode_differs_from_the_exact_one(deepstruc, particle, tmp_path):
    for name, flags in (("exact.gr", []), ("diffpy.gr", ["--diffpy"])):
        assert deepstruc("simulate", particle, "--preset", "mlg", *flags, "-o", tmp_path / name)[0] == 0
    difference = read_gr(tmp_path / "exact.gr").g - read_gr(tmp_path / "diffpy.gr").g
    assert 1e-4 < np.abs(difference).max() < 0.5


def test_fit_prints_parameters_with_uncertainties_or_json(deepstruc, gr, particle):
    code, out, _ = deepstruc("fit", gr, particle)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["scale", "stretch", "biso", "delta2", "Rw"]
    report = json.loads(deepstruc("fit", gr, particle, "--json", "--rmax", "15")[1])
    assert report["rw"] < 1e-4
    assert report["rw_range"] == [2, 15]
    assert report["biso"] == pytest.approx(0.7, rel=1e-3)
    assert set(report["errors"]) == {"scale", "stretch", "biso", "delta2"}
    held = deepstruc("fit", gr, particle, "--fix", "delta2=0", "--fix", "biso=1")[1]
    assert held.count("fixed") == 2


def test_solve_keeps_its_contract(deepstruc, gr, tmp_path):
    code, out, err = deepstruc("solve", gr, "--method", "library", "--top", "3", "--json", "-o", tmp_path / "found")
    assert code == 0
    assert "taking Au" in err
    report = json.loads(out)
    assert set(report) == {"input", "method", "seconds", "rw_range", "complete", "solutions"}
    assert report["complete"]
    assert (report["input"], report["method"], len(report["solutions"])) == ("my.gr", "library", 3)
    keys = ["rank", "family", "motif", "n_atoms", "rw", "stretch", "bond_length", "scale", "biso", "delta2"]
    assert list(report["solutions"][0]) == [*keys, "source", "file"]
    best = report["solutions"][0]
    assert (best["rank"], best["family"], best["n_atoms"]) == (1, "Icosahedron", 55)
    assert best["source"] == "library:Icosahedron(3)"
    assert (tmp_path / "found" / "solutions.csv").read_text().count("\n") == 4
    code, out, _ = deepstruc("solve", gr, "--top", "1", "--rmax", "15", "-o", tmp_path / "found")
    assert (code, len(list((tmp_path / "found").iterdir()))) == (0, 3)  # those of the run before are gone
    again = json.loads(deepstruc("fit", gr, best["file"], "--json")[1])
    assert again["stretch"] == pytest.approx(1, abs=1e-3)
    assert json.loads(deepstruc("solve", gr, "--top", "1", "--json")[1])["solutions"][0]["file"] is None


def test_files_of_any_name_become_a_library_that_solve_searches(deepstruc, gr, particle, tmp_path):
    copies = [tmp_path / name for name in ("two\nlines.xyz", 'a b="1" é@0.xyz')]
    for copy, recipe in zip(copies, (Recipe("Icosahedron", (3,)), Recipe("FCC", (2, 3, 3))), strict=True):
        write_structure(copy, recipe.build("Pt", 2.7))
    code, _, err = deepstruc("index", *copies, particle, "-o", tmp_path / "my own.index")
    assert (code, "2 structures, 1 repeated" in err) == (0, True)
    home = tmp_path / "~my.gr"
    home.write_bytes(gr.read_bytes())
    options = ("--library", tmp_path / "my own.index", "--top", "9", "-o", tmp_path / "found", "--json")
    code, out, err = deepstruc("solve", home, *options)
    assert code == 0, err
    found = json.loads(out)["solutions"]
    assert [(one["n_atoms"], one["source"]) for one in found] == [
        (55, "library:two\\nlines.xyz"),
        (43, 'library:a b="1" é@0.xyz'),
    ]
    assert all(Path(one["file"]).is_file() for one in found)


def test_corpus_counts_and_writes(deepstruc, tmp_path):
    code, out, _ = deepstruc("corpus", "stacking", "--json", "-o", tmp_path / "stacking.h5")
    report = json.loads(out)
    assert code == 0
    assert (report["entries"], report["structures"], report["shapes"]) == (1620, 1575, 315)
    assert set(report["families"]) == {"fcc", "hcp", "faulted"}
    assert report["leakage"]["shape"] == 0
    assert (tmp_path / "stacking.h5").stat().st_size > 1e6
    assert "1620 entries" in deepstruc("corpus", "stacking")[1]


def test_bench_times_our_side_of_every_case(deepstruc, monkeypatch):
    from deepstruc_lib import benchmark

    monkeypatch.setattr(benchmark, "SHELLS", (2,))
    monkeypatch.setattr(benchmark, "FULL_BATCH", 2)
    monkeypatch.setattr(benchmark, "_peer", lambda threads: None)
    records = json.loads(deepstruc("bench", "--json")[1])
    assert [record["what"] for record in records] == ["forward", "forward+backward"] * 4
    keys = {"what", "n_atoms", "batch", "threads", "ours_ms", "peer", "peer_ms", "ratio"}
    assert all(set(record) == keys and record["ours_ms"] > 0 for record in records)


BAD = {
    "missing.gr": None,
    "empty.gr": "",
    "page.gr": "<html><body>404</body></html>",
    "nan.gr": "\n".join(f"{r / 10} {'nan' if r == 50 else r % 3 - 1}" for r in range(200)),
    "falling.gr": "\n".join(f"{20 - r / 10} {r % 3 - 1}" for r in range(200)),
    "gap.gr": "\n".join(f"{r / 10} {r % 3 - 1}" for r in range(200) if r != 70),
    "zero.gr": "\n".join(f"{r / 10} 0" for r in range(200)),
    "short.gr": "\n".join(f"{r / 10} {r % 3 - 1}" for r in range(40)),
    "words.gr": "once upon a time",
    "no_range.gr": "\n".join(f"{r / 10} {np.sin(2.2 * r / 10) if r > 15 else 0}" for r in range(250)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(deepstruc, tmp_path, name):
    if BAD[name] is not None:
        (tmp_path / name).write_text(BAD[name])
    code, out, err = deepstruc("solve", tmp_path / name, "--element", "Au")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Traceback" not in err
    assert "need" in err


def test_other_bad_input_is_one_line_and_exit_code_2(deepstruc, gr, particle, tmp_path):
    pair = "2\nalloy\nAu 0 0 0\nPt 2.8 0 0\n"
    (tmp_path / "alloy.xyz").write_text(pair)
    for arguments in (
        ("solve", gr, "--element", "Gold"),
        ("solve", gr, "--element", "S"),
        ("solve", gr, "--element", "Au", "--qdamp", "5"),
        ("solve", gr, "--element", "Au", "--qdamp", "nan"),
        ("solve", gr, "--element", "Au", "--qmin", "23.9"),
        ("solve", gr, "--element", "Au", "--qmax", "1e6"),
        ("solve", gr, "--element", "Au", "--rmax", "2.6"),
        ("solve", gr, "--element", "Au", "--top", "0"),
        ("solve", gr, "--element", "Au", "--method", "magic"),
        ("solve", gr, "--element", "Au", "-o", gr),
        ("fit", gr, particle, "--fix", "delta2"),
        ("fit", gr, particle, "--fix", "B=1"),
        ("simulate", particle, "--rstep", "1e-7"),
        ("simulate", particle, "--preset", "mine"),
        ("corpus", "foo"),
        ("solve", gr, "--samples", "-1"),
        ("solve",),
        ("explain",),
        ("solve", gr, "--element", "Au", "--rmax", "90"),
        ("fit", gr, tmp_path / "alloy.xyz"),
        ("fit", gr, gr),
        ("simulate", tmp_path / "nothing.xyz"),
        ("simulate", particle, "--qmin", "30"),
        ("simulate", particle, "-o", tmp_path / "no" / "folder.gr"),
    ):
        code, out, err = deepstruc(*arguments)
        assert (code, out, err.splitlines()[1:]) == (2, "", []), arguments


def test_an_interrupted_search_says_so(deepstruc, gr, monkeypatch):
    from deepstruc_lib.solving import shapes

    def stop(done, total):
        if done:  # before there is a result there is nothing to keep
            raise KeyboardInterrupt

    shapes("deepstruc")  # else its building would be interrupted
    monkeypatch.setattr("deepstruc_lib.cli.commands.progress_bar", lambda unit: nullcontext(stop))
    code, out, err = deepstruc("solve", gr, "--json")
    assert code == 130
    assert not json.loads(out)["complete"]
    assert "interrupted" in err


def test_a_large_particle_is_simulated_by_histogram_within_1e_4(deepstruc, tmp_path, monkeypatch):
    write(tmp_path / "large.xyz", Recipe("Icosahedron", (4,)).build("Au", 2.8))
    curves = []
    for limit in (400, 100):
        monkeypatch.setattr("deepstruc_lib.cli.commands.EXACT_UP_TO", limit)
        assert deepstruc("simulate", tmp_path / "large.xyz", "--rstep", "0.05", "-o", tmp_path / "large.gr")[0] == 0
        curves.append(read_gr(tmp_path / "large.gr").g)
    difference = np.abs(curves[0] - curves[1]).max()
    assert 0 < difference < 1e-4 * curves[0].max()


def test_help_teaches(deepstruc):
    code, out, _ = deepstruc("--help")
    assert code == 0
    commands = ("simulate", "fit", "solve", "corpus", "bench", "models", "train", "evaluate")
    assert all(command in out for command in commands)
    assert "--element" in deepstruc("solve", "--help")[1]
