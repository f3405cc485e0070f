"""Two switches of the engine: is history recorded (`no_grad`), and are NaN and infinity hunted (`detect_anomaly`)?

Both are context variables, so a block switches only its own thread or task, and both work as decorators too.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any, ClassVar, Self

from ..array import Array, count_not_finite, xp_of

_grad_mode: ContextVar[bool] = ContextVar("ninx_grad_mode", default=True)
_anomaly_mode: ContextVar[bool] = ContextVar("ninx_anomaly_mode", default=False)
place: ContextVar[str] = ContextVar("ninx_place", default="")  # such as a layer, where an operation's caller tells less
_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_MATHS = tuple(f"{_PACKAGE}{floor}{os.sep}" for floor in ("engine", "ops", "functional"))

is_anomaly_enabled = _anomaly_mode.get
records = _grad_mode.get  # for the engine, which asks with every operation


def is_grad_enabled() -> bool:
    """Is history recorded here?

    >>> with ninx.no_grad():
    ...     ninx.is_grad_enabled()
    False
    """
    return _grad_mode.get()


class _Switch(ContextDecorator):
    """Sets a context variable for the length of a block; blocks may be nested, also of one and the same object."""

    variable: ClassVar[ContextVar[bool]]
    value: ClassVar[bool]

    _tokens: list[Token[bool]]

    def __new__(cls, func: Any = None) -> Any:
        """A switch for a with statement; ``@no_grad`` without brackets gets the function and gives back what replaces it."""
        self = object.__new__(cls)
        self._tokens = []
        return self if func is None else self(func)

    def _recreate_cm(self) -> Self:
        return type(self)()  # each call of a decorated function gets a switch of its own: they may run at the same time

    def __call__(self, func: Any) -> Any:
        """As a decorator; a generator runs in the mode, but not what happens between its steps."""
        import inspect  # here, because it takes long to load and few need it

        if not inspect.isgeneratorfunction(func):
            return super().__call__(func)

        @functools.wraps(func)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            generator = func(*args, **kwargs)
            while True:
                with type(self)():
                    try:
                        value = next(generator)
                    except StopIteration:
                        return
                yield value

        return steps

    def __enter__(self) -> None:
        self._tokens.append(self.variable.set(self.value))

    def __exit__(self, *_: object) -> None:
        self.variable.reset(self._tokens.pop())


class no_grad(_Switch):
    """``with no_grad():`` or ``@no_grad()``: nothing is recorded inside.

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> with ninx.no_grad():
    ...     y = w * 3
    >>> y.requires_grad
    False
    """

    variable, value = _grad_mode, False


class enable_grad(_Switch):
    """Record again inside a `no_grad` block.

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> with ninx.no_grad(), ninx.enable_grad():
    ...     y = w * 3
    >>> y.requires_grad
    True
    """

    variable, value = _grad_mode, True


class inference_mode(no_grad):
    """The same as `no_grad`: a tensor of this engine carries nothing else that could be switched off.

    ``inference_mode(False)`` records, as `enable_grad`.

    >>> with ninx.inference_mode():
    ...     ninx.is_grad_enabled()
    False
    """

    def __new__(cls, mode: Any = True) -> Any:
        """PyTorch's argument; and ``@inference_mode`` without brackets."""
        if isinstance(mode, bool):
            return _Switch.__new__(cls) if mode else enable_grad()
        return _Switch.__new__(cls, mode)


class set_grad_enabled(_Switch):
    """Record from now on, or do not: ``set_grad_enabled(False)`` as a statement, for a block, or as a decorator.

    >>> w = ninx.tensor(2.0, requires_grad=True)
    >>> with ninx.set_grad_enabled(False):
    ...     y = w * 3
    >>> y.requires_grad, ninx.is_grad_enabled()
    (False, True)
    """

    variable = _grad_mode

    def __new__(cls, mode: bool) -> Any:
        """The mode holds at once, and until the end of the block, if there is one."""
        self = object.__new__(cls)
        self.value, self._tokens = bool(mode), [_grad_mode.set(bool(mode))]  # type: ignore[misc]  # of the class in the others
        return self

    def __call__(self, func: Any) -> Any:
        """As a decorator: the mode holds in the function alone."""
        self.variable.reset(self._tokens.pop())
        return (enable_grad if self.value else no_grad)()(func)

    def __enter__(self) -> None:
        """It holds already."""


class detect_anomaly(_Switch):
    """Raise at the first operation whose value or gradient holds a NaN or an infinity, naming it and your source line.

    Every result is looked through, which takes time: it is for hunting an error, not for training.

    >>> x = ninx.tensor([0.5, 1.5, 2.5])
    >>> with ninx.detect_anomaly(), np.errstate(invalid="ignore"):  # NumPy's own warning, which names no line of yours
    ...     loss = (x - 1).log().sum()
    Traceback (most recent call last):
    ninx.engine.modes.AnomalyError: forward of log made nan (1 of 3 entries) at ...:2: loss = (x - 1).log().sum()
    """

    variable, value = _anomaly_mode, True


class unwatched(_Switch):
    """Inside, anomalies are not looked for."""

    variable, value = _anomaly_mode, False


class AnomalyError(RuntimeError):
    """An operation whose value or gradient holds a NaN or an infinity; raised inside `detect_anomaly`."""


def user_line() -> str:
    """ "file:line: code" of the innermost caller outside this package; or, in a named `place`, outside the operations."""
    named, frame = place.get(), sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_MATHS if named else _PACKAGE):
        frame = frame.f_back
    name, number = frame.f_code.co_filename, frame.f_lineno
    line = f"{name}:{number}: {linecache.getline(name, number).strip()}"
    return f"{named}, {line.removeprefix(str(Path(_PACKAGE).parent) + os.sep)}" if named else line


def check_anomaly(what: str, arrays: Sequence[Array], line: str | None, inputs: Sequence[Array] = ()) -> None:
    """Raise `AnomalyError` if an array holds a NaN or an infinity; say whether one of the inputs did already."""
    for array in arrays:
        if not (count := count_not_finite(array)):
            continue
        kind = "nan" if xp_of(array).isnan(array).any() else "inf"
        verb = "passed on" if any(map(count_not_finite, inputs)) else "made"
        raise AnomalyError(f"{what} {verb} {kind} ({count} of {array.size} entries) at {line or user_line()}")
