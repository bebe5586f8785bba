"""Brings the cards in models' folders to the present format: `python -m deepstruc_lib.models.update FOLDER ...`.

Reading does this each time; this writes it down. Weights stay as they are. Figures that an old card held become
records of their own.
"""

import sys
from pathlib import Path

from deepstruc_lib.models.cards import read_card, write_card
from deepstruc_lib.models.records import write_record


def update(folder: Path) -> None:
    """Write the card, and the evaluations it knows, as this version of the library does.

    Raises:
        ValueError: The card is damaged or of an unknown format.
    """
    card = read_card(folder)
    for record in card.evaluations:
        write_record(folder, record)
    write_card(folder, card)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        update(Path(argument))
