"""Laws of the book's machinery: outputs belong to what they were run from, runs repeat, pages need nobody else."""

import hashlib
import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")

import demo_book  # noqa: E402
import execute  # noqa: E402
import vendor  # noqa: E402
from offline import address, executed, outputs, paths, stable, times  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PLOTLY, WIDGET = outputs.PLOTLY, outputs.WIDGET


def notebook(*code: str, prose: str = "# A title") -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell(prose), *map(new_code_cell, code)])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A root with a library of one module."""
    monkeypatch.delenv("BOOK_LIBRARY", raising=False)
    executed.library_hash.cache_clear()
    (tmp_path / "deepstruc_lib").mkdir()
    (tmp_path / "deepstruc_lib" / "module.py").write_text("x = 1\n")
    yield tmp_path
    executed.library_hash.cache_clear()


def key(source, root, profile="released") -> str:
    executed.library_hash.cache_clear()
    return executed.key(source, profile, root)


# ---- what a run belongs to ----


def test_the_key_follows_code_profile_library_and_pins(library):
    source = notebook("x = 1")
    seen = {key(source, library), key(notebook("x = 2"), library), key(source, library, "smoke")}
    (library / "deepstruc_lib" / "module.py").write_text("x = 2\n")
    seen.add(key(source, library))
    (library / "constraints.txt").write_text("numpy==2.2.6\n")
    seen.add(key(source, library))
    assert len(seen) == 5


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder for measured data, and nothing in any cache."""
    module = importlib.import_module("deepstruc_lib.files.measured")  # the package's name for it is the function
    folder = tmp_path / "measured"
    folder.mkdir()
    monkeypatch.setattr(module.pooch, "os_cache", lambda name: tmp_path / "no_cache")
    monkeypatch.setattr(module, "_downloaded", lambda sample: (_ for _ in ()).throw(module.DataUnavailable("none")))
    monkeypatch.setenv("DEEPSTRUC_DATA", str(folder))
    monkeypatch.setenv("BOOK_DATA", "")
    content = b"0 0\n"
    sample = replace(module.MEASURED["JQ_S1"], sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(module.MEASURED, "JQ_S1", sample)
    executed.data_hash.cache_clear()
    yield folder / sample.file, content
    executed.data_hash.cache_clear()


def test_a_run_with_stand_ins_is_not_taken_for_one_with_measured_data(library, data):
    path, content = data
    source = notebook("x = 1")
    stand_ins = key(source, library)
    path.write_bytes(content)
    executed.data_hash.cache_clear()
    measured = key(source, library)
    assert measured != stand_ins
    path.unlink()
    executed.data_hash.cache_clear()
    assert key(source, library) == stand_ins


def test_a_build_settles_the_data_first_and_keeps_to_them(data, capsys):
    path, content = data
    execute.settle_data()
    assert "stand-ins are simulated" in capsys.readouterr().err
    before = executed.data_hash()
    path.write_bytes(content)
    executed.data_hash.cache_clear()
    assert executed.data_hash() == before


def test_a_long_chapter_tells_where_it_is(monkeypatch, capsys):
    monkeypatch.setattr(execute, "PROGRESS_SECONDS", 0.01)
    with execute.progress("[1/2] long.ipynb", 7) as starts:
        starts(cell=None, cell_index=3)
        time.sleep(0.2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "[1/2] long.ipynb cell 4 of 7, 0 s so far"
    time.sleep(0.05)
    assert capsys.readouterr().out == ""


def test_prose_and_bytecode_do_not_change_the_key(library):
    before = key(notebook("x = 1", prose="one"), library)
    (library / "deepstruc_lib" / "__pycache__").mkdir()
    (library / "deepstruc_lib" / "__pycache__" / "module.pyc").write_bytes(b"x")
    assert key(notebook("x = 1", prose="two"), library) == before


def test_one_build_keeps_to_the_library_it_began_with(library, monkeypatch):
    monkeypatch.setenv("BOOK_LIBRARY", "taken")
    before = executed.library_hash(library)
    (library / "deepstruc_lib" / "module.py").write_text("x = 2\n")
    executed.library_hash.cache_clear()
    assert executed.library_hash(library) == before == "taken"


def test_an_unknown_profile_is_refused(monkeypatch):
    monkeypatch.setenv("BOOK_PROFILE", "quick")
    with pytest.raises(ValueError, match="'quick': needs one of smoke, released, train"):
        executed.current_profile()


def test_a_missing_copy_is_a_warning_and_shows_the_source(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(executed, "EXECUTED", tmp_path)
    monkeypatch.setattr(executed.log, "warning", lambda text, *parts: said.append(text % parts))
    read = executed.read(nbformat.writes(notebook("x = 1", prose="# Where")))
    assert read.cells[1].source == "x = 1"
    assert said == ["not executed in the profile released: run book/execute.py (Where)"]


def test_a_page_takes_prose_and_tags_from_the_source_and_outputs_from_the_run():
    source = notebook('profile = "released"  # why', prose="new words")
    source.cells[1].metadata.tags = ["parameters", "hide-input"]
    run = notebook('profile = "released"  # why', prose="old words")
    run.cells[1].outputs, run.cells[1].execution_count = [new_output("stream", text="hello")], 1
    page = executed.joined(source, run, "smoke")
    assert page.cells[0].source == "new words"
    assert page.cells[1].outputs[0].text == "hello"
    assert page.cells[1].metadata.tags == ["parameters", "hide-input"]
    assert page.cells[1].source == 'profile = "smoke"  # why'  # what really ran


# ---- runs repeat ----


def widget_run(names: list[str]) -> nbformat.NotebookNode:
    """A slider and a bar joined by a link, under any three names, stored in any order."""
    slider, bar, link = (name * 32 for name in names)
    state = {
        link: {
            "model_name": "LinkModel",
            "state": {"source": [f"IPY_MODEL_{slider}", "value"], "target": [f"IPY_MODEL_{bar}", "value"]},
        },
        bar: {"model_name": "IntProgressModel", "state": {}},
        slider: {"model_name": "IntSliderModel", "state": {}},
        "f" * 32: {"model_name": "LayoutModel", "state": {}},
    }
    state = {name: state[name] for name in sorted(state)}
    run = notebook("show()")
    run.cells[1].id = "cell"
    run.cells[0].id = "words"
    shown = [{WIDGET: {"model_id": slider}}, {WIDGET: {"model_id": bar}}]
    run.cells[1].outputs = [new_output("display_data", data=data) for data in shown]
    run.cells[1].execution_count = 3
    run.metadata["papermill"] = {"start_time": "now"}
    run.metadata["widgets"] = {stable.STATE: {"state": state}}
    return run


def test_widgets_are_named_by_their_place_and_orphans_forgotten():
    first, second = (stable.cleaned(widget_run(names)) for names in (["a", "b", "c"], ["e", "d", "0"]))
    assert nbformat.writes(first) == nbformat.writes(second)
    assert len(first.metadata.widgets[stable.STATE]["state"]) == 3
    assert first.cells[1].execution_count == 1
    assert "papermill" not in first.metadata


def test_the_runners_own_cells_are_dropped():
    run = notebook("x = 1", "profile = 'smoke'")
    run.cells[2].metadata.tags = ["injected-parameters"]
    assert len(stable.cleaned(run).cells) == 2


# ---- outputs become HTML ----


def test_a_figure_becomes_a_named_place_with_its_json():
    figure = {"data": [{"y": [1]}], "layout": {"meta": {"alt": 'A "rise" < 2'}, "title": {"text": "</script>"}}}
    text = outputs.chart(figure)
    assert 'aria-label="A &quot;rise&quot; &lt; 2"' in text
    assert text.count("</script>") == 1
    inside = text[text.index(">", text.index("<script")) + 1 : text.index("</script>")]
    assert json.loads(inside) == {"data": figure["data"], "layout": figure["layout"]}


def test_a_figure_without_words_stops_the_build():
    with pytest.raises(ValueError, match=r"Error of the fit.*alt="):
        outputs.chart({"data": [], "layout": {"title": {"text": "Error of the fit"}}})


def test_a_view_keeps_its_picture_under_the_widget():
    text = outputs.view({"text/plain": "Two atoms.", "image/png": "QUJD\n", WIDGET: {"model_id": "m"}})
    assert '<img class="book-poster" alt="Two atoms." src="data:image/png;base64,QUJD">' in text
    assert '{"model_id":"m"}' in text


# ---- front-end files ----


def test_an_archive_that_is_not_the_locked_one_is_refused():
    with pytest.raises(ValueError, match="the lock asks for sha512-other"):
        vendor.checked("p@1", b"archive", {"p@1": "sha512-other"})
    with pytest.raises(ValueError, match="the lock asks for None"):
        vendor.checked("p@1", b"archive", {})


def test_the_lock_holds_just_the_packages_asked_for():
    assert set(json.loads(vendor.LOCK.read_text())) == set(vendor.PACKAGES)


# ---- the book as it is ----


def test_every_entry_of_the_contents_exists():
    assert all(path.exists() for path in paths.chapters())


def test_an_entry_that_does_not_exist_is_named(tmp_path, monkeypatch):
    toc = tmp_path / "_toc.yml"
    toc.write_text("root: book/index\nparts:\n  - chapters:\n      - file: notebooks/nowhere\n")
    monkeypatch.setattr(paths, "TOC", toc)
    with pytest.raises(ValueError, match=r"notebooks/nowhere"):
        paths.chapters()


def test_the_settings_name_no_address_of_their_own():
    assert "github" not in (ROOT / "_config.yml").read_text().lower()
    assert address.repository().startswith("https://")


@pytest.mark.parametrize("path", [*NOTEBOOKS, ROOT / "tests" / "data" / "demo.ipynb"], ids=lambda path: path.name)
def test_a_chapter_keeps_the_conventions(path):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert code[0].source == address.colab_cell(), "run book/colab.py to bring the first cell up to date"
    assert "remove-cell" in code[0].metadata.tags
    parameters = [cell for cell in code if "parameters" in cell.metadata.get("tags", ())]
    assert len(parameters) == 1
    assert parameters[0].source.startswith('profile = "released"')
    assert not any(cell.outputs or cell.execution_count for cell in code), "strip the outputs"


# ---- the demonstration, run and run again ----


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return demo_book.make(tmp_path_factory.mktemp("book"))


@pytest.mark.slow
def test_two_runs_are_the_same_to_the_byte(demo):
    def run(*options):
        done = demo_book.run(demo, "execute.py", "--profile", "smoke", *options)
        assert done.returncode == 0, done.stderr
        (copy,) = (demo / "_executed").glob("demo-*.ipynb")
        return done.stdout, copy.read_bytes(), done.stderr

    first = run()
    assert "encryption" not in first[2]
    assert "up to date" in run()[0]
    second = run("--force")
    assert first[1] == second[1]


@pytest.mark.slow
def test_a_chapter_that_fails_says_where_and_spoils_nothing(demo):
    good = demo_book.run(demo, "execute.py", "--profile", "smoke")
    assert good.returncode == 0
    broken = demo / "notebooks" / "broken.ipynb"
    source = notebook('profile = "released"', 'raise RuntimeError("the detector is off")')
    source.cells[1].metadata.tags = ["parameters"]
    source.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(source, broken)
    done = demo_book.run(demo, "execute.py", "--profile", "smoke", str(broken))
    assert done.returncode == 1
    assert "the detector is off" in done.stderr
    assert (demo / "_executed" / "broken.failed.ipynb").exists()
    assert len(list((demo / "_executed").glob("demo-*.ipynb"))) == 1
    broken.unlink()


def test_a_notebook_without_parameters_is_refused(tmp_path):
    path = tmp_path / "plain.ipynb"
    nbformat.write(notebook("x = 1"), path)
    with pytest.raises(ValueError, match=r'plain\.ipynb has no cell tagged "parameters"'):
        execute.run_one(path, "smoke")


def test_the_table_of_times_knows_what_has_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(times, "chapters", lambda: [ROOT / "tests" / "data" / "demo.ipynb"])
    monkeypatch.setattr(executed, "EXECUTED", tmp_path)
    assert "| [A demonstration](../tests/data/demo.ipynb) | not executed |" in times.table()
