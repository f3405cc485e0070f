"""A terminal for the tests: a command runs on a pseudo-terminal of a given width, and pyte draws what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyte

CTRL_C = b"\x03"
COMMAND = [sys.executable, "-c", "from ninx.cli import main; main()"]
LINES = 2_000  # nothing scrolls away
KEPT = ("PATH", "HOME", "LANG", "NINX_", "NUMBA_", "OPENBLAS_", "OMP_", "VIRTUAL_ENV", "XDG_", "TMPDIR")


class Screen:
    """What is on the screen when the command has ended, its exit code, and whether it printed a line wider than the screen."""

    def __init__(self, raw: bytes, columns: int, returncode: int):
        self.raw, self.columns, self.returncode = raw, columns, returncode
        screen, wide = pyte.Screen(columns, LINES), pyte.Screen(4 * columns, LINES)
        for one in (screen, wide):
            pyte.ByteStream(one).feed(raw)
        self.lines = _lines(screen)
        self.broken = [line for line in _lines(wide) if len(line) > columns]  # what the terminal had to break

    @property
    def text(self) -> str:
        """All lines, and as one line: where they are wrapped is not the matter then."""
        return "\n".join(self.lines)

    @property
    def words(self) -> str:
        """The text in one line."""
        return " ".join(self.text.split())


def _lines(screen: pyte.Screen) -> list[str]:
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def run(
    arguments: list[str],
    cwd: Path,
    columns: int = 80,
    term: str = "xterm-256color",
    interrupt: Callable[[bytes], bool] = lambda raw: False,
    environment: Mapping[str, str] | None = None,
    command: list[str] = COMMAND,
    timeout: float = 240,
) -> Screen:
    """Run ``ninx`` with ``arguments``. Once ``interrupt`` says so of what was printed up to now, Ctrl-C is typed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k.startswith(KEPT)} | {"TERM": term} | dict(environment or {})

    def begin() -> None:  # in the child: the terminal is its own, so that Ctrl-C reaches it and all that it started
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored, if these tests run in the background of a shell
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [*command, *arguments], cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, preexec_fn=begin
    )
    os.close(slave)
    raw, typed, deadline = b"", False, time.monotonic() + timeout
    try:
        while True:
            if time.monotonic() > deadline:
                raise AssertionError(f"{arguments} did not end in {timeout} s; it printed {raw[-2000:]!r}")
            if select.select([master], [], [], 0.02)[0]:
                try:
                    piece = os.read(master, 65_536)
                except OSError:  # nobody holds the other end any more
                    break
                if not piece:
                    break
                raw += piece
            if not typed and interrupt(raw):
                os.write(master, CTRL_C)
                typed = True
        return Screen(raw, columns, process.wait(60))
    finally:
        process.kill()
        process.wait()
        os.close(master)
