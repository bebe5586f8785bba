"""The cores that this process may use, and work spread over them or over a dask cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

from threadpoolctl import threadpool_limits

# Quota and period in µs, or "max", of the group of processes that a job or a container runs in (cgroup v2).
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Number of cores that this process may run on: what its affinity and its job's limit leave of the machine."""
    # macOS and Windows have no affinity to ask for.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _CPU_LIMIT.read_text().split())
    except (OSError, ValueError):  # no such file here, or "max"
        return cores
    return max(1, min(cores, round(quota / period)))


@contextmanager
def workers(cluster: str | None = None) -> Iterator[Executor]:
    """Threads of this machine, each with one BLAS thread, or the executor of a running dask cluster.

    Args:
        cluster: Address of a dask scheduler, such as tcp://host:8786.
    """
    if cluster is None:
        with _single_threaded_blas(), ThreadPoolExecutor(usable_cores()) as pool:
            yield pool
        return
    from dask.distributed import Client

    with Client(cluster) as client, client.get_executor() as pool:
        yield pool


class _SharedLimit:
    """One BLAS limit for all users: the first sets it, the last takes it back.

    Limits of several threads must not be nested one in the other: each restores what it found, and the last to end may
    have found the limit of the first. And threadpoolctl lets only the thread that set a limit take it back, so one
    thread of its own does both.
    """

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0
        self._thread, self._limit = ThreadPoolExecutor(1), ExitStack()

    def acquire(self) -> None:
        with self._lock:
            if self._users == 0:
                self._thread.submit(self._set).result()
            self._users += 1

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._thread.submit(self._limit.close).result()

    def _set(self) -> None:
        # The matrices are small, and threads within threads would fight for the cores.
        self._limit.enter_context(threadpool_limits(1, user_api="blas"))


_BLAS = _SharedLimit()


@contextmanager
def _single_threaded_blas() -> Iterator[None]:
    _BLAS.acquire()
    try:
        yield
    finally:
        _BLAS.release()
