"""What is built once and kept: the folder, and a key of everything that a kept file depends on."""

import os
from hashlib import sha256
from pathlib import Path


def cache_folder() -> Path:
    """Where built things are kept: the folder named by DEEPSTRUC_CACHE, else the user's cache folder."""
    if folder := os.environ.get("DEEPSTRUC_CACHE"):
        return Path(folder)
    import pooch  # an eighth of a second, which a command whose folder is named need not wait for

    return Path(pooch.os_cache("deepstruc_lib"))


def code_hash(*places: str, with_text: str = "") -> str:
    """Hash of the code and tables in some modules or packages of the library, so that no file outlives them.

    Args:
        places: Such as "particles" or "solving/histograms.py".
        with_text: Hashed too, such as versions of other packages.
    """
    library = Path(__file__).parent
    found = [library / place for place in places]
    files = sorted(file for place in found for file in ([place] if place.is_file() else place.rglob("*")))
    digest = sha256(with_text.encode())
    for file in files:
        if file.suffix in (".py", ".json"):
            digest.update(f"{file.relative_to(library).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()
