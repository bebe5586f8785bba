"""What each command on sets of structures does: index one's own, build a corpus."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from deepstruc_lib.cli import options
from deepstruc_lib.cli.messages import progress_bar, say


def index(
    files: Annotated[
        list[Path], typer.Argument(help="Structures in any form that ASE reads; all images of each file.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The index to write, such as my.index.")],
) -> None:
    """Makes a searchable library of your own structures: `deepstruc index *.xyz -o my.index`.

    Search it with `deepstruc solve my.gr --library my.index`. Elements do not count, only positions.
    """
    from deepstruc_lib.files import read_structures
    from deepstruc_lib.files.textfiles import shown
    from deepstruc_lib.solving import Structure, build_index, save_index

    structures: list[Structure] = []
    with progress_bar("files") as progress:
        for done, file in enumerate(files, 1):
            images = read_structures(file)
            name = shown(file.name)
            names = [name] if len(images) == 1 else [f"{name}#{place}" for place in range(1, len(images) + 1)]
            structures += [Structure(name, image.positions) for name, image in zip(names, images, strict=True)]
            progress(done, len(files))
    with progress_bar("structures") as progress:
        built = build_index(structures, progress=progress)
    save_index(output, built)
    repeated = len(structures) - len(built)
    say(f"{output}: {len(built)} structures" + (f", {repeated} repeated ones left out" if repeated else ""))


def corpus(
    name: Annotated[Literal["deepstruc", "mlg", "stacking"], typer.Argument(help="Whose structures and PDFs.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write structures and PDFs as HDF5.")] = None,
    as_json: options.Json = False,
) -> None:
    """Builds a corpus from its recipes and counts it: `deepstruc corpus deepstruc -o deepstruc.h5`."""
    from deepstruc_lib.corpora import corpus as build
    from deepstruc_lib.corpora import save_corpus

    built = build(name, progress=True)
    if output is not None:
        save_corpus(output, built)
        say(f"{output}: {len(built)} entries")
    summary = built.summary()
    if as_json:
        print(json.dumps(summary))
        return
    print(f"{name}: {summary['entries']} entries, {summary['structures']} structures, {summary['shapes']} shapes")
    for family, count in summary["families"].items():
        print(f"  {family:12s} {count:5d}")
    for split, leakage in summary["leakage"].items():
        print(f"  split {split}: the shape of {leakage:.0%} of the test entries is in training")
