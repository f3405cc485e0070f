"""Downloads: every file from the first mirror that has it, checked by its SHA-256, and kept only when it is whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .sources import RemoteFile, data_folder, find, missing, source

TIMEOUT = 30  # seconds without an answer


class _Progress:
    """What pooch wants of a progress bar: it counts bytes, and tells them to ``report``."""

    def __init__(self, report: Callable[[int], None]):
        self.report, self.total, self.done = report, 0, 0

    def update(self, count: int) -> None:
        self.done += count
        self.report(self.done)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def download(
    name: str,
    split: str | None = None,
    data_dir: str | Path | None = None,
    on_bytes: Callable[[RemoteFile, int], None] = lambda file, done: None,
) -> list[Path]:
    """Fetch the files of a data set that are not there yet, of one split or of "train" and "test"; returns the new ones.

    Files go to a folder of the set's name in ``data_dir`` (`data_folder`). ``on_bytes(file, done)`` is told of the progress.
    Raises ValueError, naming the folder and the files to put there, if no mirror gives a file whose SHA-256 is right.

    >>> from pathlib import Path
    >>> Path("data/svhn").mkdir(parents=True)
    >>> Path("data/svhn/test_32x32.mat").touch()
    >>> ninx.data.download("svhn", "test", data_dir="data")  # what is there already is not fetched
    []
    """
    folder = data_folder(data_dir) / name
    splits = ["train", "test"] if split is None else [split]
    if unknown := [s for s in splits if s not in source(name).files]:
        raise ValueError(f"{name}: has no split {unknown[0]!r}, only {', '.join(source(name).files)}")
    absent = [s for s in splits if find(name, s, data_dir) is None]
    wanted = {file.name: file for s in absent for file in missing(name, s, data_dir)}  # train and test may share an archive
    return [_fetch(name, file, folder, list(wanted), on_bytes) for file in wanted.values()]


def _fetch(name: str, file: RemoteFile, folder: Path, all_files: list[str], on_bytes: Callable[[RemoteFile, int], None]) -> Path:
    import pooch  # slow to import, and not needed where the files already are

    pooch.get_logger().setLevel(logging.WARNING)  # it would announce every attempt
    reasons = []
    for mirror in source(name).mirrors:
        bar: Any = _Progress(lambda done: on_bytes(file, done))
        # Unencoded, else a server may unpack a .gz on the way, and its hash would differ.
        fetcher = pooch.HTTPDownloader(bar, chunk_size=2**16, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
        try:
            return Path(pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, downloader=fetcher))
        except (OSError, ValueError) as error:  # no connection, no such file, another file, no room on the disk
            reasons.append(f"{mirror.split('/')[2]}: {_reason(error)}")
    raise ValueError(
        f"{name}: {file.name} could not be downloaded ({'; '.join(reasons)}); "
        f"put {', '.join(all_files)} into {folder} by hand, or try again"
    )


def _reason(error: Exception) -> str:
    """The point of a message that may be long."""
    text = " ".join(str(error).split())
    if "does not match the known hash" in text:
        return "gave another file than the one wanted (its SHA-256 differs)"
    if isinstance(error, TimeoutError) or "timed out" in text:
        return "did not answer in time"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"answered {status}"
    return "cannot be reached" if "onnection" in type(error).__name__ else text[:120] or type(error).__name__
