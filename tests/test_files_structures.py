"""Laws of structure files: what is written is read, crystals and nonsense are not taken for particles."""

import logging

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.cluster import Icosahedron
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepstruc_lib.files import check_particle, read_structure, write_structure

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROVENANCE = {"source": "Au144pMBA.gr", "family": "Icosahedron", "rw": 0.123, "rank": 1, "doi": "10.1039/D2DD00086E"}


def particle(layers=2):
    atoms = Icosahedron("Au", layers)
    return Atoms(numbers=atoms.numbers, positions=atoms.positions)


@pytest.mark.parametrize("ending", [".xyz", ".cif"])
@FEW
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-200, 200))
def test_distances_and_elements_survive_the_round_trip(tmp_path, ending, seed, shift):
    atoms = particle()
    atoms.rattle(0.2, seed=seed)
    atoms.translate(shift)
    atoms.symbols[::3] = "Pt"
    write_structure(tmp_path / f"a{ending}", atoms, PROVENANCE)
    back = read_structure(tmp_path / f"a{ending}")
    assert back.symbols.get_chemical_formula("reduce") == atoms.symbols.get_chemical_formula("reduce")
    np.testing.assert_allclose(back.get_all_distances(), atoms.get_all_distances(), atol=1e-7)
    assert not back.pbc.any()
    assert not back.cell.any()


def test_provenance_stands_in_the_comments(tmp_path):
    write_structure(tmp_path / "a.xyz", particle(), PROVENANCE)
    assert ase.io.read(tmp_path / "a.xyz").info == PROVENANCE
    write_structure(tmp_path / "a.cif", particle(), PROVENANCE)
    text = (tmp_path / "a.cif").read_text()
    assert "# source: Au144pMBA.gr\n" in text
    assert "# rw: 0.123\n" in text


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "/home/someone/a.gr"},
        {"path": "C:\\data"},
        {"path": "~/a"},
        {"a b": 1},
        {"pbc": "T"},
        {"x": "1\n2"},
        {"x": [1]},
    ],
)
def test_provenance_of_another_kind_is_refused(tmp_path, fields):
    with pytest.raises(ValueError, match=r".*: needs"):
        write_structure(tmp_path / "a.xyz", particle(), fields)
    assert not list(tmp_path.iterdir())


def test_the_last_image_counts_and_the_log_says_so(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    ase.io.write(tmp_path / "run.xyz", [particle(3), particle(2), particle(3)])
    assert len(read_structure(tmp_path / "run.xyz")) == 55
    assert "run.xyz: taking image 3 of 3, the last" in caplog.text
    caplog.clear()
    write_structure(tmp_path / "one.xyz", particle())
    read_structure(tmp_path / "one.xyz")
    assert not caplog.text


def test_a_name_with_an_at_sign_is_a_name(tmp_path):
    write_structure(tmp_path / "run@0.xyz", particle())
    assert len(read_structure(tmp_path / "run@0.xyz")) == 13


def test_a_particle_in_a_box_of_vacuum_is_a_particle_but_one_wrapped_round_its_edge_is_not():
    boxed = particle()
    boxed.center(vacuum=4)
    boxed.pbc = True
    assert len(check_particle(boxed)) == 13
    boxed.translate(boxed.cell.sum(axis=0) / 2)
    boxed.wrap()
    with pytest.raises(ValueError, match="periodic structure"):
        check_particle(boxed)


def test_every_direction_that_is_periodic_counts():
    slab = particle()
    slab.center(vacuum=4)
    slab.cell[2, 2] -= 6
    assert len(check_particle(slab)) == 13
    slab.pbc = (True, True, False)
    assert len(check_particle(slab)) == 13
    slab.pbc = (False, False, True)
    with pytest.raises(ValueError, match="periodic structure"):
        check_particle(slab)


def test_crystals_are_refused(tmp_path):
    ase.io.write(tmp_path / "gold.cif", bulk("Au", cubic=True))
    with pytest.raises(ValueError, match=r"gold.cif: a periodic structure, 2.88 Å"):
        read_structure(tmp_path / "gold.cif")


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "no atoms: needs two"),
        (Atoms("Au"), "one atom: needs two"),
        (Atoms("Au", cell=[30, 30, 30], pbc=True), "one atom: needs two"),
        (bulk("Au"), "periodic structure, 2.88 Å"),
        (Atoms("XAu", [[0, 0, 0], [3, 0, 0]]), "unknown element"),
        (Atoms("Au2", [[0, 0, 0], [np.nan, 0, 0]]), "not finite"),
        (Atoms("Au2", [[0, 0, 0], [0, 0, 0]]), "overlapping"),
        (Atoms("Au2", [[0, 0, 0], [0.28, 0, 0]]), "in nm"),
        (Atoms("Au2", [[0, 0, 0], [3e3, 0, 0]]), "3000 Å long"),
        (Atoms("Au2", [[-1.7e308, 0, 0], [1.7e308, 0, 0]]), "long"),
        (Atoms("Au2", [[0, 0, 0], [3, 0, 0]], pbc=True), "without a cell"),
    ],
)
def test_what_is_no_particle_is_refused(tmp_path, atoms, message):
    with pytest.raises(ValueError, match=message):
        check_particle(atoms)
    with pytest.raises(ValueError, match=message):
        write_structure(tmp_path / "a.xyz", atoms)


@pytest.mark.parametrize("ending", ["gr", "pdb", ""])
def test_other_endings_are_not_written(tmp_path, ending):
    with pytest.raises(ValueError, match=r"needs .xyz or .cif"):
        write_structure(tmp_path / f"a.{ending}", particle())


@FEW
@given(name=st.sampled_from(["a.xyz", "a.cif", "POSCAR", "a.pdb", "a.json", "a"]), data=st.binary(max_size=200))
def test_arbitrary_bytes_raise_one_line(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises((ValueError, OSError), match=": needs ") as caught:
        read_structure(tmp_path / name)
    assert str(caught.value).isprintable()


@FEW
@given(data=st.data())
def test_a_damaged_xyz_is_refused_or_still_a_particle(tmp_path, data):
    write_structure(tmp_path / "a.xyz", particle(), PROVENANCE)
    text = bytearray((tmp_path / "a.xyz").read_bytes())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=3))
    (tmp_path / "a.xyz").write_bytes(text)
    try:
        atoms = read_structure(tmp_path / "a.xyz")
    except (ValueError, OSError) as error:
        if not str(error).isprintable():
            raise
    else:
        assert np.isfinite(atoms.positions).all()


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_structure(tmp_path / "none.xyz")
    with pytest.raises(ValueError, match="is a folder"):
        read_structure(tmp_path)
