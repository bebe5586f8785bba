"""How far long work is, on stderr: a bar on a terminal, a line every few seconds in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Often enough to see that work goes on, seldom enough for a log of hours.
LINE_SECONDS = 10.0
# Work that ends sooner shows no bar, seconds.
_DELAY = 0.3

Report = Callable[..., None]


@contextmanager
def progress_bar(unit: str, *, show: bool = True) -> Iterator[Report]:
    """What takes reports (done, all, note = "") and shows them; time left is estimated from the first report on.

    What comes before the first report, such as loading, says nothing of how long a unit takes.

    Args:
        unit: What is counted, in the plural.
        show: False to show nothing.
    """
    if not show:
        yield lambda done, total, note="": None
    elif sys.stderr.isatty():
        with _bar(unit) as report:
            yield report
    else:
        yield _lines(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Report]:
    from tqdm import tqdm

    bars: list[tqdm] = []

    def report(done: int, total: int, note: str = "") -> None:
        if not bars:
            bars.append(tqdm(total=total, initial=done, unit=unit, file=sys.stderr, leave=False, delay=_DELAY))
        bars[0].total = total
        bars[0].set_postfix_str(note, refresh=False)
        bars[0].update(done - bars[0].n)

    try:
        yield report
    finally:
        for bar in bars:
            bar.close()


def _lines(unit: str) -> Report:
    begun: tuple[float, int] | None = None
    said = time.monotonic()

    def report(done: int, total: int, note: str = "") -> None:
        nonlocal said, begun
        now = time.monotonic()
        begun = begun or (now, done)
        if now - said < LINE_SECONDS:
            return
        said = now
        start, first = begun
        words = [f"{done} of {total} {unit}"]
        if done > first:
            words.append(f"about {_duration((now - start) * (total - done) / (done - first))} left")
        print(", ".join(words + [note] * bool(note)), file=sys.stderr, flush=True)

    return report


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
