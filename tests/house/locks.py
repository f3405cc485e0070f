"""Do the lists of continuous integration hold all that pyproject.toml asks for? ``bash .ci/lock`` renews them."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {"torch"}  # its build differs between indexes


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", text)[0].lower())  # type: ignore[index]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text.split("+")[0])[:4])


def locked(text: str) -> dict[str, list[str]]:
    """The versions by name that a list holds; of some names different ones for different Pythons."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", text, re.MULTILINE):
        found.setdefault(_name(name), []).append(version)
    return found


def missing(project: str, text: str, extras: tuple[str, ...]) -> list[str]:
    """The requirements of a pyproject.toml that a list does not hold, or holds in another version, in words.

    Lower bounds (>=) and single versions (==) are what this project writes.
    """
    tree = tomllib.loads(project)["project"]
    has, said = locked(text), []
    for wanted in [*tree["dependencies"], *(r for extra in extras for r in tree["optional-dependencies"][extra])]:
        name, bound = _name(wanted), re.search(r"(>=|==) *([\w.]+)", wanted.split(";")[0])
        if name in LEFT_OUT:
            continue
        if name not in has:
            said.append(f"{wanted} is not in it")
        elif bound and not all(
            _version(v) >= _version(bound[2]) if bound[1] == ">=" else _version(v) == _version(bound[2]) for v in has[name]
        ):
            said.append(f"{wanted} is in it as {', '.join(has[name])}")
    unsummed = [line.split()[0] for line in text.split("\n") if line and line[0] not in " #" and not line.endswith("\\")]
    return [*said, *(f"{name} has no hash" for name in unsummed)]


def main() -> int:
    """Print what is missing; 1 if something is."""
    project, bad = (ROOT / "pyproject.toml").read_text(encoding="utf-8"), 0
    for file, extras in (("newest.txt", ("test", "dev")), ("oldest.txt", ())):
        text = (ROOT / ".ci" / "locks" / file).read_text(encoding="utf-8")
        for sentence in missing(project, text, extras):
            print(f".ci/locks/{file} does not cover pyproject.toml: {sentence}; renew it with: bash .ci/lock")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
