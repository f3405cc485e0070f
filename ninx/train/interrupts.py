"""Signals that end a program, held back while something must not be cut in two: a step of the optimiser, a line of a table."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP


class Stopped(KeyboardInterrupt):
    """Another signal than that of Ctrl-C asks the program to end; ``number`` says which."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def held_back() -> Iterator[list[int]]:
    """Ctrl-C waits until the block is done, and so does any other ending signal that Python code handles. A second one does not.

    Gives the list of the signals that wait. Outside the main thread nothing happens: there no signal arrives.

    >>> with held_back() as late:
    ...     print(late)
    []
    """
    late: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield late
        return
    handlers = {number: found for number in ENDING if callable(found := signal.getsignal(number))}

    def wait(number: int, frame: FrameType | None) -> None:
        late.append(number)
        if len(late) > 1:
            handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, wait)
    try:
        yield late
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if late:
        handlers[late[0]](late[0], None)


def raised_by(number: int) -> KeyboardInterrupt:
    """What a signal that ends a program raises.

    >>> raised_by(signal.SIGINT)
    KeyboardInterrupt()
    """
    return KeyboardInterrupt() if number == signal.SIGINT else Stopped(number)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Stopped` in the block, unless they are ignored (nohup) or handled already."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped(number)

    mine = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
