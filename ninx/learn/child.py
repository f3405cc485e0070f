"""The learner's process: it runs a learner's file on inputs and writes down what comes back. It knows no right answers.

It is started by its path and imports nothing of ninx, only NumPy and the standard library, so it starts fast, and the answers
are not in its memory. What a file must not do is refused here: read the tests, import another engine, start programs, use the
network, change files. That stops mistakes and simple tricks; it is no prison for an attacker.

Values travel as JSON in both directions, arrays as their bytes. Nothing is pickled: what the learner's process says is not
trusted.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

Tell: TypeAlias = Callable[[dict[str, Any]], None]

ROOM = 20_000_000  # bytes that an array may have
DEPTH = 10  # of lists in lists
ENGINES = {"ninx", "torch", "tensorflow", "jax", "scipy", "cupy", "sklearn", "autograd", "keras", "mxnet", "numba"}
PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn", "os.startfile"}
CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "shutil.rmtree"}
LISTS = {"os.listdir", "os.scandir"}
NUMBERS = re.compile(r"[<>=|][biufc]\d\d?")  # types of arrays that may travel


# -------------------------------------------------------------------- values as JSON


def encode(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it. What is neither a number, a text, an array nor a list of such is told by its type's name."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 1000 else {"odd": "int"}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (np.ndarray, np.generic)):
        if not NUMBERS.fullmatch(value.dtype.str):
            return {"odd": f"array of {value.dtype}"}
        if value.nbytes > ROOM:
            return {"odd": f"array of shape {value.shape}"}
        array = np.ascontiguousarray(value)
        return {"array": [array.dtype.str, list(value.shape), base64.b64encode(array.tobytes()).decode()]}
    if isinstance(value, (list, tuple)) and depth < DEPTH:
        return {"list" if isinstance(value, list) else "tuple": [encode(part, depth + 1) for part in value]}
    return {"odd": type(value).__name__}


def decode(value: Any) -> Any:
    """What `encode` made, as a value again; an odd one as `Odd`. Raises ValueError for what `encode` would not make."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("list", "tuple"):
        parts = [decode(part) for part in content]
        return parts if kind == "list" else tuple(parts)
    if kind == "odd":
        return Odd(str(content))
    dtype, shape, data = content
    if kind != "array" or not NUMBERS.fullmatch(dtype):
        raise ValueError(f"no value: {kind}")
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape).copy()


class Odd(str):
    """The type of something that cannot travel."""


# -------------------------------------------------------------------- running a file


def run(job: dict[str, Any], tell: Tell) -> None:
    """Run the learner's file, then what is asked of it on each input; ``tell`` gets an event for all that happens.

    Events: {"load": fault}, {"case": i} as it begins, then {"answer": value, "changed": [numbers of inputs]} or
    {"raised": fault}, and {"done": true} at the end. A fault has "type", "text", "line" and "code".
    """
    path = Path(job["file"])
    with _imports_from(path.parent):
        try:
            module = _module(path)
            ask = _asked(job, module)
        except BaseException as error:
            tell({"load": fault(error, path)})
            return
        for i, given in enumerate(job["inputs"]):
            tell({"case": i})
            inputs = decode(given)
            try:
                answer = ask(*inputs)
            except BaseException as error:
                tell({"raised": fault(error, path)})
                if isinstance(error, (KeyboardInterrupt, OutOfTime, MemoryError)):
                    return
                continue
            changed = [k for k, value in enumerate(inputs) if json.dumps(encode(value)) != json.dumps(given["list"][k])]
            tell({"answer": encode(answer), "changed": changed})
        tell({"done": True})


def _module(path: Path) -> ModuleType:
    """The learner's file, run as a module; its part under ``if __name__ == "__main__"`` is not run."""
    module = ModuleType("solution")
    module.__file__ = str(path)
    sys.modules["solution"] = module  # dataclasses look there
    exec(compile(path.read_text(encoding="utf-8-sig"), str(path), "exec"), module.__dict__)
    return module


def _asked(job: dict[str, Any], module: ModuleType) -> Callable[..., Any]:
    """What to call with the inputs: the learner's function, or a driver's ``run`` that uses what the learner wrote."""
    missing = [name for name in job["names"] if not callable(getattr(module, name, None))]
    if missing:
        raise Missing(missing[0], [name for name, value in vars(module).items() if callable(value) and name[0] != "_"])
    if not job["driver"]:
        found: Callable[..., Any] = getattr(module, job["names"][0])
        return found
    driver = ModuleType("driver")
    exec(compile(job["driver"], "driver", "exec"), driver.__dict__)
    return lambda *inputs: driver.run(module, *inputs)


class Missing(Exception):
    """The file does not define what is asked for. Arguments: its name, and the names that are there."""


class Refused(ImportError):
    """The file does what it must not do."""


class OutOfTime(BaseException):
    """The processor time is used up: no ``except Exception`` is to catch it."""


def fault(error: BaseException, path: Path) -> dict[str, Any]:
    """An error as an event tells it: its type, its words, and the last line of the learner's file that it came through."""
    found: dict[str, Any] = {"type": type(error).__name__, "text": "", "line": 0, "code": ""}
    with contextlib.suppress(BaseException):  # an error of the learner's own may fail to say what it is
        found["text"] = str(error)[:300]
    if isinstance(error, Missing):
        found |= {"type": "Missing", "text": error.args[0], "there": error.args[1][:20]}
    if isinstance(error, SyntaxError):
        found |= {"text": error.msg, "line": error.lineno or 0, "code": (error.text or "").strip()[:200]}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found["line"] = trace.tb_lineno
        trace = trace.tb_next
    if found["line"] and not found["code"]:
        with contextlib.suppress(OSError, IndexError, UnicodeError):
            found["code"] = path.read_text(encoding="utf-8-sig").splitlines()[found["line"] - 1].strip()[:200]
    return found


@contextlib.contextmanager
def _imports_from(folder: Path) -> Iterator[None]:
    """A learner's file may import another of the same folder."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
        sys.modules.pop("solution", None)


# -------------------------------------------------------------------- what is refused


def guard(job: dict[str, Any], tell: Tell) -> None:
    """From now on Python itself refuses what `ENGINES` and the like name. It cannot be switched off again."""
    tests, own = os.path.dirname(os.path.realpath(__file__)), os.path.realpath(job["folder"])
    engines = ENGINES - set(job["libraries"])

    def refuse(why: str, what: str) -> None:
        tell({"refused": why, "what": what[:200]})
        raise Refused(f"{why}: {what}")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import" and arguments[0].partition(".")[0] in engines:
            refuse("engine", arguments[0].partition(".")[0])
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            where, mode, flags = os.path.realpath(os.fsdecode(arguments[0])), arguments[1], arguments[2]
            writes = any(c in (mode or "") for c in "wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
            if _inside(where, tests) and where != os.path.realpath(__file__):  # which a traceback shows lines of
                refuse("tests", where)
            elif writes and not _inside(where, own) and where != os.devnull:
                refuse("files", where)
        elif event in LISTS and isinstance(arguments[0], (str, bytes)):
            if _inside(os.path.realpath(os.fsdecode(arguments[0])), tests):
                refuse("tests", os.fsdecode(arguments[0]))
        elif event in PROGRAMS and not job["programs"]:
            refuse("programs", event)
        elif event in CHANGES and not job["programs"]:
            refuse("files", event)
        elif event in ("os.kill", "signal.pthread_kill"):
            refuse("programs", event)
        elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
            refuse("network", event)

    sys.addaudithook(hook)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def limit(seconds: int, memory: int) -> None:
    """At most so much processor time, and so many bytes more than now. Windows knows no such limits."""
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:
        return

    def late(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGXCPU, late)  # says in which line; two seconds later the system ends what did not listen
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # addresses are counted on Linux only
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGESIZE") + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """``python child.py JOB``: the job is a file of JSON, and the events go, a line each, to the file that it names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.dont_write_bytecode = True
    with open(job["events"], "a", encoding="utf-8") as events:

        def tell(event: dict[str, Any]) -> None:
            events.write(json.dumps(event) + "\n")
            events.flush()

        limit(job["seconds"], job["memory"])
        guard(job, tell)
        run(job, tell)


if __name__ == "__main__":
    main()
