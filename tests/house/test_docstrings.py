"""Every public name says what it is and shows it: a docstring of its own, with an example that runs.

Who owes what:

* Every public module, class, function, method and property owes a docstring. An inherited one is asked for once, where it is
  defined. Special methods (``__len__``) and what other libraries made (``ninx.float32``) owe nothing here.
* A class, function and method also owes at least one line that begins with ``>>>``, and what stands below it must come true.
* No example is owed by a tuple of fields, an error, and a protocol with its methods; by a method that overrides one of ours,
  such as a layer's ``forward`` (its class shows it); and by a property, except those of Tensor.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import io
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import ninx
import ninx.functional as F
import ninx.study
from ninx import nn, optim

MODULES = [
    *(
        "ninx",
        "ninx.functional",
        "ninx.nn",
        "ninx.nn.init",
        "ninx.nn.utils",
        "ninx.optim",
        "ninx.optim.lr_scheduler",
        "ninx.data",
    ),
    *("ninx.models", "ninx.train", "ninx.kernels", "ninx.autograd", "ninx.backends", "ninx.cuda", "ninx.datasets"),
    *("ninx.learn", "ninx.onnx", "ninx.transforms", "ninx.transforms.functional", "ninx.utils.data"),
    *(f"ninx.study.{module.name}" for module in pkgutil.iter_modules(ninx.study.__path__)),
]
GLOBALS = {"ninx": ninx, "np": np, "F": F, "nn": nn, "optim": optim}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Thing(NamedTuple):
    """Something public: its docstring, and whether there must be an example in it."""

    doc: str | None
    example: bool


def is_ours(value: Any) -> bool:
    """Is it made here? A routine always is: what is offered under our name is explained here, wherever it comes from."""
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    return inspect.isroutine(value) or (
        (isinstance(value, ModuleType) or inspect.isclass(value)) and module.split(".")[0] == "ninx"
    )


def public_names(module: ModuleType) -> list[str]:
    """What ``__all__`` says; without it, the functions and classes that were made in the module or below it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    inside = f"{module.__name__}."
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and f"{value.__module__}.".startswith(inside)
    ]


def of_class(name: str, cls: type, names: dict[type, str]) -> Iterator[tuple[str, Any, bool]]:
    """The public methods and properties of a class and of its bases: (name, routine, does it owe an example?).

    The name is that of the class that defines it; what a class without a public name defines, its heir offers.
    """
    line = [c for c in cls.__mro__ if c.__module__.split(".")[0] == "ninx"]
    for i, owner in enumerate(line):
        offered_by = next((names[c] for c in reversed(line[: i + 1]) if c in names), name)
        for key, value in vars(owner).items():
            plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if key.startswith("_") or not (inspect.isfunction(plain) or isinstance(plain, property)):
                continue
            overrides = any(key in vars(base) for base in line[i + 1 :])
            free = overrides or getattr(owner, "_is_protocol", False)
            yield (
                f"{offered_by}.{key}",
                plain,
                owner in ninx.Tensor.__mro__ if isinstance(plain, property) else not free,
            )


def own_doc(cls: type) -> str | None:
    """A class's own docstring; neither that of its base nor the list of fields that a dataclass or a NamedTuple makes up."""
    doc = vars(cls).get("__doc__")
    return None if (doc or "").startswith(f"{cls.__name__}(") else doc


def find() -> dict[str, Thing]:
    """Everything public by its name. What has several, such as `relu`, goes by the first."""
    values: dict[int, tuple[str, Any]] = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        values.setdefault(id(module), (module_name, module))
        for name in public_names(module):
            value = getattr(module, name)
            if is_ours(value):
                values.setdefault(id(value), (f"{module_name}.{name}", value))
    classes = {value: name for name, value in values.values() if inspect.isclass(value)}
    found: dict[str, Thing] = {}
    seen: set[int] = set()
    for name, value in values.values():
        if isinstance(value, ModuleType):
            found[name] = Thing(value.__doc__, example=False)
        elif inspect.isclass(value):
            plain = issubclass(value, tuple | BaseException) or getattr(value, "_is_protocol", False)
            found[name] = Thing(own_doc(value), not plain)
            for key, routine, example in of_class(name, value, classes):
                if id(routine) not in seen:
                    found[key] = Thing(routine.__doc__, example)
                seen.add(id(routine))
        else:
            found[name] = Thing(value.__doc__, example=True)
    return found


THINGS = find()


def fault(name: str, thing: Thing) -> str:
    """What is wrong with a docstring, in a sentence or as doctest tells it; "" if nothing is."""
    if not (thing.doc or "").strip():
        return f"{name} has no docstring"
    test = doctest.DocTestParser().get_doctest(thing.doc or "", dict(GLOBALS), name, None, None)
    if thing.example and not test.examples:
        return f"{name} has no example: a line that begins with >>> and what it prints"
    if any(doctest.SKIP in example.options for example in test.examples):
        return f"{name} has an example that is skipped"
    told = io.StringIO()
    doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(test, out=told.write)
    return told.getvalue()


@pytest.fixture(autouse=True)
def _own_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own to write into; kernels that need no compiling; and what an example switches is switched back."""
    monkeypatch.chdir(tmp_path)
    threads = ninx.get_num_threads()
    with ninx.use_kernels("strided"):
        yield
    ninx.set_num_threads(threads)


@pytest.mark.parametrize("name", sorted(THINGS))
def test_it_is_explained_and_its_examples_come_true(name: str) -> None:
    if wrong := fault(name, THINGS[name]):
        pytest.fail(wrong, pytrace=False)


# -------------------------------------------------------------------- the check is checked


def test_the_walk_finds_what_is_public() -> None:
    assert len(THINGS) > 400
    for name in (
        *("ninx.exp", "ninx.Tensor", "ninx.Tensor.view", "ninx.Tensor.T", "ninx.Tensor.register_hook", "ninx.memory_stats"),
        *("ninx.is_grad_enabled", "ninx.functional.conv2d", "ninx.nn.Module.state_dict", "ninx.nn.BatchNorm1d.normalised"),
        *("ninx.nn.init.zeros_", "ninx.optim.Optimizer.step", "ninx.optim.lr_scheduler.OneCycleLR", "ninx.models.nin_mnist"),
        *("ninx.data.ZCA.fit", "ninx.train.Training.run", "ninx.study.significance.sign_flips", "ninx.kernels.Geometry.traffic"),
    ):
        assert name in THINGS
    assert THINGS["ninx.nn.Conv2d"].example
    assert not THINGS["ninx.nn.Conv2d.forward"].example
    assert not {"ninx.float32", "ninx.functional.sigmoid", "ninx.nn.Conv2d.state_dict", "ninx.Tensor.__len__"} & set(THINGS)


def undocumented() -> None: ...


def silent() -> None:
    """Shows nothing."""


def wrong() -> None:
    """Shows what is not so.

    >>> ninx.tensor([1, 2]) + 1
    tensor([1, 2])
    """


def skipped() -> None:
    """Shows what nobody tried.

    >>> 1 / 0  # doctest: +SKIP
    """


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (undocumented, "it has no docstring"),
        (silent, "it has no example"),
        (wrong, "tensor([2, 3])"),
        (skipped, "it has an example that is skipped"),
    ],
)
def test_what_is_missing_or_wrong_is_told(function: Callable[[], None], expected: str) -> None:
    assert expected in fault("it", Thing(function.__doc__, example=True))


def test_a_docstring_that_python_made_up_does_not_count() -> None:
    class Fields(NamedTuple):
        width: int

    assert (Fields.__doc__, own_doc(Fields)) == ("Fields(width,)", None)


def test_a_method_tells_what_the_function_of_its_name_tells() -> None:
    assert ninx.Tensor.exp.__doc__ == ninx.exp.__doc__
    assert ninx.Tensor.add_.__doc__ == ninx.ops.add_.__doc__
    assert ninx.Tensor.__add__.__doc__ == ninx.add.__doc__
