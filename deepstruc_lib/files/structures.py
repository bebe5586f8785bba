"""Read and write particles: any structure file ASE reads, .xyz and .cif out."""

import io
import logging
import os
import re
import warnings
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from deepstruc_lib.files.textfiles import read_bytes, shown, write_text
from deepstruc_lib.particles import nearest_distances

log = logging.getLogger(__name__)

_NEEDED = "a structure file that ASE reads (.xyz, .cif, ...)"
# H2, the shortest bond there is, has 0.74 Å; a metal in nm has 0.2–0.33.
CLOSEST_ATOMS = 0.6
# Parallel particles further apart than this are separate; no bond and no close packing of molecules leaves so much.
VACUUM = 5.0
# Far beyond any particle whose PDF is computed atom by atom; positions in pm end up here.
LARGEST_EXTENT = 1000.0
# Twice `VACUUM` on each side, so that what is written is read as a particle.
_MARGIN = 10.0

_KEY = re.compile(r"[A-Za-z]\w*")
_RESERVED = {"lattice", "properties", "pbc"}
_FOLDER = re.compile(r"[/\\]|~[^/\\]*[/\\]|[A-Za-z]:[/\\]|file:/")


def read_structure(path: str | os.PathLike) -> Atoms:
    """One particle: symbols and positions (Å) of the last image in the file, as optimisations and runs end there.

    Of several images the log says which is taken.

    A periodic cell is accepted only around a separate particle, all its atoms more than `VACUUM` from those of the
    neighbouring cells (a .cif cannot say "not periodic"); the cell is then dropped. Crystals and particles that
    are wrapped round the edge of their cell are refused, as their PDF is not that of the atoms listed.

    Raises:
        OSError: If the file cannot be had.
        ValueError: If it is no structure, or no particle of known elements in Å.
    """
    images = _images(path)
    if len(images) > 1:
        log.info("%s: taking image %d of %d, the last", shown(path), len(images), len(images))
    return _checked(path, images[-1])


def read_structures(path: str | os.PathLike) -> list[Atoms]:
    """Every image in a file as a particle, as `read_structure` takes the last.

    Raises:
        OSError: If the file cannot be had.
        ValueError: If it is no structure, or one of its images no particle of known elements in Å.
    """
    images = _images(path)
    if len(images) == 1:
        return [_checked(path, images[0])]
    return [_checked(f"{os.fspath(path)}, image {number}", image) for number, image in enumerate(images, 1)]


def _images(path: str | os.PathLike) -> list[Atoms]:
    read_bytes(path, _NEEDED)  # its limits only: ASE opens the file by itself to look at its name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of them is checked below
            # "@" in a name would be taken for an index.
            images = ase.io.read(str(path), index=slice(None), do_not_split_by_at_sign=True)
    except Exception as error:  # each of ASE's readers raises what it likes
        reason = " ".join(str(error).split())[:100]
        what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        raise ValueError(f"{shown(path)}: no structure ({what}): needs {_NEEDED}") from error
    particles = [image for image in images if isinstance(image, Atoms)]
    if not particles:
        raise ValueError(f"{shown(path)}: no structure: needs {_NEEDED}")
    return particles


def _checked(path: str | os.PathLike, image: Atoms) -> Atoms:
    try:
        return check_particle(image)
    except ValueError as error:
        raise ValueError(f"{shown(path)}: {error}") from error


def check_particle(atoms: Atoms) -> Atoms:
    """A copy with symbols and positions alone, if it is one finite particle.

    Raises:
        ValueError: For fewer than two atoms, unknown elements, positions that are not finite or overlap or are
            not in Å, and for crystals.
    """
    if len(atoms) < 2:
        if len(atoms) == 1 and atoms.pbc.any() and np.isfinite(atoms.positions).all():
            _check_isolated(atoms)  # the primitive cell of a crystal is refused as what it is
        raise ValueError(f"{'one atom' if len(atoms) else 'no atoms'}: needs two or more, as a PDF shows distances")
    if (atoms.numbers < 1).any():
        raise ValueError("atoms are of unknown element ('X'): needs chemical symbols")
    positions = np.asarray(atoms.positions, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise ValueError(f"positions are not finite (atom {bad[0] + 1}): needs coordinates in Å")
    extent = float(np.ptp(positions / 2, axis=0).max()) * 2  # halves: their difference cannot overflow
    if extent > LARGEST_EXTENT:
        raise ValueError(f"a particle {extent:g} Å long: needs at most {LARGEST_EXTENT:g} Å (is it in Å?)")
    nearest = nearest_distances(positions)
    first = int(np.argmin(nearest))
    if nearest[first] < CLOSEST_ATOMS:
        raise ValueError(
            f"atom {first + 1} is only {nearest[first]:.3g} Å from another: "
            f"needs at least {CLOSEST_ATOMS:g} Å (overlapping sites, or positions in nm?)"
        )
    if atoms.pbc.any():
        _check_isolated(atoms)
    return Atoms(numbers=atoms.numbers, positions=positions)


def _check_isolated(atoms: Atoms) -> None:
    if not np.isfinite(atoms.cell.array).all() or (atoms.cell.lengths()[atoms.pbc] < CLOSEST_ATOMS).any():
        raise ValueError("a periodic structure without a cell: needs a finite particle")
    distance, shift = neighbor_list("dS", atoms, cutoff=VACUUM)
    across = distance[shift.any(axis=1)]
    if across.size:
        raise ValueError(
            f"a periodic structure, {across.min():.3g} Å from atom to atom of neighbouring cells: "
            f"needs a finite particle (not periodic, or whole within its cell with over {VACUUM:g} Å of vacuum around)"
        )


def write_structure(
    path: str | os.PathLike, atoms: Atoms, provenance: dict[str, str | int | float | bool] | None = None
) -> None:
    """Write a particle as extended .xyz or as .cif (P1 box with vacuum), by the name's ending, whole or not at all.

    `provenance` goes into the comment line (.xyz) or comments on top (.cif): named fields, each on one line,
    without folders of anyone's machine.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the ending is another, the atoms are no particle, or the provenance has other content.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from deepstruc_lib.particles import Recipe
        >>> with TemporaryDirectory() as folder:
        ...     write_structure(f"{folder}/gold.xyz", Recipe("Icosahedron", (2,)).build("Au", 2.88), {"rw": 0.15})
        ...     print(read_structure(f"{folder}/gold.xyz"))
        Atoms(symbols='Au13', pbc=False)
    """
    ending = Path(path).suffix.lower()
    if ending not in (".xyz", ".cif"):
        raise ValueError(f"{shown(path)}: ends in {ending!r}: needs .xyz or .cif")
    particle, fields = check_particle(atoms), _checked_fields(provenance or {})
    write_text(path, _xyz(particle, fields) if ending == ".xyz" else _cif(particle, fields))


def _checked_fields(provenance: dict) -> dict:
    for key, value in provenance.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key) or key.lower() in _RESERVED:
            raise ValueError(f"provenance field {str(key)[:40]!r}: needs a name such as 'family'")
        if not isinstance(value, str | int | float | bool | np.number | np.bool_):
            raise ValueError(f"{key} of type {type(value).__name__}: needs text, a number or a truth value")
        if isinstance(value, str) and (not value.isprintable() or _FOLDER.match(value)):
            raise ValueError(f"{key} = {value[:40]!r}: needs one line of text, no path of a machine")
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in provenance.items()}


def _xyz(atoms: Atoms, fields: dict) -> str:
    atoms = atoms.copy()
    atoms.info.update(fields)
    stream = io.StringIO()
    ase.io.write(stream, atoms, format="extxyz", columns=["symbols", "positions"])
    return stream.getvalue()


def _cif(atoms: Atoms, fields: dict) -> str:
    atoms = atoms.copy()
    extent = np.ptp(atoms.positions, axis=0)
    atoms.translate(_MARGIN - atoms.positions.min(axis=0))
    atoms.set_cell(extent + 2 * _MARGIN)
    atoms.pbc = True
    stream = io.BytesIO()
    ase.io.write(stream, atoms, format="cif")
    comments = ["# a finite particle in a box with vacuum, not a crystal"]
    comments += [f"# {key}: {value}" for key, value in fields.items()]
    return "\n".join(comments) + "\n" + stream.getvalue().decode("utf-8")
