"""What goes to stderr: messages, and a bar for work that takes a while; and the exit code of an interruption."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Exit code of a run that was ended by Ctrl-C, as shells have it.
INTERRUPTED = 130


def say(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr)


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left, opened at the first report of (done, all) and gone at the end."""
    from tqdm import tqdm

    bar = tqdm(unit=unit, file=sys.stderr, leave=False, delay=0.3)

    def report(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield report
    finally:
        bar.close()
