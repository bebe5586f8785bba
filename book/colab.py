"""Write every chapter's first cell, which installs the library on Colab, from the address in pyproject.toml."""

import nbformat
from offline.address import colab_cell
from offline.paths import ROOT

MARK = "# Only on Google Colab"


def main() -> None:
    """Bring the notebooks up to date; say which have changed."""
    for path in [*sorted((ROOT / "notebooks").glob("*.ipynb")), ROOT / "tests" / "data" / "demo.ipynb"]:
        notebook = nbformat.read(path, as_version=4)
        cell = next((cell for cell in notebook.cells if cell.source.startswith(MARK)), None)
        if cell is None:
            cell = nbformat.v4.new_code_cell(metadata={"tags": ["remove-cell"]}, id="colab")
            notebook.cells.insert(1, cell)
        if cell.source != colab_cell():
            cell.source = colab_cell()
            nbformat.write(notebook, path)
            print(f"{path.relative_to(ROOT)}: first cell written")


if __name__ == "__main__":
    main()
