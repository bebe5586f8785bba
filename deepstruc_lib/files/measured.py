"""The five measured PDFs of the DeepStruc paper: from a local folder, the cache, or the network."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch

# The folder that is looked at first.
FOLDER_VARIABLE = "DEEPSTRUC_DATA"
# data/PDFs_experimental of the DeepStruc repository (Apache-2.0), pinned to one commit.
ADDRESS = (
    "https://raw.githubusercontent.com/EmilSkaaning/DeepStruc/"
    "7b5088eecb0010475f7157665bff8cbbdaa23fc5/data/PDFs_experimental/"
)
_TIMEOUT = 30  # seconds without an answer before the network counts as absent

_JENSEN = "10.1038/ncomms11859"
_QUINSON = "10.1021/acsomega.8b01613"


class DataUnavailable(OSError):  # noqa: N818 - a state of the world, said as one
    """A measured data set is neither in a local folder nor to be had from the network."""


@dataclass(frozen=True)
class Sample:
    """One measured PDF and what is known of it.

    Args:
        file: Name of the .gr file.
        sha256: Of that file.
        sample: What was measured.
        element: The metal whose distances the PDF shows.
        n_atoms: About how many metal atoms a particle has.
        qmin: In Å⁻¹.
        qmax: In Å⁻¹.
        rmax: End of the data in Å; they start at 0 in steps of 0.01.
        first_peak: Position of the nearest-neighbour peak in Å.
        signal_end: About where the particle's longest distances are, in Å.
        doi: The publication of the data.
        note: What a reader should know of it.
    """

    file: str
    sha256: str
    sample: str
    element: str
    n_atoms: int
    qmin: float
    qmax: float
    rmax: float
    first_peak: float
    signal_end: float
    doi: str
    note: str = ""


_RIPPLE = "a constant ripple of period 0.334 Å"

MEASURED: dict[str, Sample] = {
    "Au144PET": Sample(
        "Au144PET_100K-00000.gr",
        "b240818828c6b2e63e1cc024707681ac33a8b1d9c446dbe2ce309ca93d6ba619",
        "Au144(PET)60 clusters", "Au", 144, 0.8, 26.0, 30.0, 2.858, 15.0, _JENSEN,
    ),
    "Au144pMBA": Sample(
        "Au144pMBA.gr",
        "99ca8f3b56f8595d7d2f0252beb674eb5008111346db6c21eb98ae1abd1eef39",
        "Au144(p-MBA)60 clusters", "Au", 144, 1.33, 28.0, 20.0, 2.843, 14.0, _JENSEN, "measured to 20 Å only",
    ),
    "JQ_S1": Sample(
        "JQ_S1.gr",
        "f845900fdce758aeb38c2f92fb26d565b2cfb7857eabada7b123d568ff7ddb30",
        "Pt nanoparticles of 3.4 nm", "Pt", 1368, 1.0, 21.998245281, 50.0, 2.778, 35.0, _QUINSON,
    ),
    "JQ_S2": Sample(
        "JQ_S2.gr",
        "b6a5f3184418372b920d7ec2696fd6537cd054b0cffc5afddd00b7d5afdce4a0",
        "Pt nanoparticles of 2.2 nm", "Pt", 371, 1.0, 21.998245281, 50.0, 2.773, 25.0, _QUINSON, _RIPPLE,
    ),
    "JQ_S3": Sample(
        "JQ_S3.gr",
        "8a372937c414d6b67d66b4f2ff56ea3ca55434b3781d14715a622fd15a505316",
        "Pt nanoparticles of 1.8 nm", "Pt", 203, 1.0, 21.998245281, 50.0, 2.768, 19.0, _QUINSON, _RIPPLE,
    ),
}  # fmt: skip


def measured(name: str) -> Path:
    """The local file of one of `MEASURED`, its checksum verified.

    Looked for in the folder named by the environment variable DEEPSTRUC_DATA, then in the cache of earlier
    downloads, then fetched into that cache.

    Raises:
        ValueError: If there is no such data set, or the folder or the file in it is not what it should be.
        DataUnavailable: If it can be had from nowhere.
    """
    if name not in MEASURED:
        raise ValueError(f"data set {name!r}: needs one of {', '.join(MEASURED)}")
    sample = MEASURED[name]
    return _in_folder(sample) or _downloaded(sample)


def _in_folder(sample: Sample) -> Path | None:
    folder = os.environ.get(FOLDER_VARIABLE, "").strip()
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ValueError(f"{FOLDER_VARIABLE}={folder}: no such folder: needs the folder of the .gr files")
    path = Path(folder) / sample.file
    if not path.is_file():
        return None
    found = pooch.file_hash(str(path), alg="sha256")
    if found != sample.sha256:
        raise ValueError(
            f"{path}: has the sha256 {found[:12]}…: needs {sample.sha256[:12]}…, the published file unchanged"
        )
    return path


def _downloaded(sample: Sample) -> Path:
    pooch.get_logger().setLevel("WARNING")  # it would print each download
    store = pooch.create(
        path=pooch.os_cache("deepstruc_lib"), base_url=ADDRESS, registry={sample.file: f"sha256:{sample.sha256}"}
    )
    downloader: Any = pooch.HTTPDownloader(timeout=_TIMEOUT)  # pooch's own protocol names its arguments otherwise
    try:
        return Path(store.fetch(sample.file, downloader=downloader))
    except (OSError, ValueError) as error:  # no network, no such page, no writable cache, another content
        raise DataUnavailable(
            f"{sample.file}: is neither in {FOLDER_VARIABLE} nor in the cache, nor at {ADDRESS} "
            f"({type(error).__name__}): needs the network once, or {FOLDER_VARIABLE} set to a folder that "
            "holds the file"
        ) from error
