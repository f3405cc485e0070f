"""A headless browser for the tests: it opens a page from a file, does some steps, and tells what happened.

Chromium and Firefox are those that the system has; nothing downloads a browser. npm installs puppeteer-core, which drives them,
and axe-core, which looks for what a screen reader or a keyboard cannot use, once, into a cache folder of the user.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rooms import ROOT

HERE = ROOT / "tests" / "browser"
EXECUTABLES = {"chrome": ("chromium", "chromium-browser", "google-chrome"), "firefox": ("firefox-esr", "firefox")}


@dataclass
class Visit:
    """What a browser says after a visit: complaints, addresses that the page asked for, and a result for each step."""

    errors: list[str]
    requests: list[str]
    results: list[Any]


def visit(
    page: Path, *steps: dict[str, Any], browser: str = "chrome", width: int = 1280, height: int = 900, scheme: str = "light"
) -> Visit:
    """Open the file and do the steps one by one, in a browser of its own; the test is skipped where there is none.

    A step is {"do": KIND, ...}: "evaluate" and "wait" (an expression), "click", "draw" (points, as shares of an element's box),
    "press" (a key), "resize", "upload", "screenshot", "axe"; see tests/browser/drive.mjs.
    """
    wanted = {
        "browser": browser,
        "executable": need_browser(browser),
        "modules": str(need_modules()),
        "url": page.resolve().as_uri(),
        "width": width,
        "height": height,
        "scheme": scheme,
        "steps": steps,
    }
    command = [_need("node"), str(HERE / "drive.mjs")]
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Visit(**json.loads(done.stdout))


def serious(violations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What axe found that keeps somebody from using the page."""
    return [found for found in violations if found["impact"] in ("serious", "critical")]


def need_browser(browser: str) -> str:
    """The path of the browser; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, EXECUTABLES[browser])), None)
    if found is None:
        pytest.skip(f"no browser: {' or '.join(EXECUTABLES[browser])} is not installed")
    return found


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program}: the browser is not driven (apt-get install nodejs npm)")
    return found


def need_modules() -> Path:
    """The folder node_modules with what package-lock.json names; skips the test where it cannot be installed."""
    _need("node")
    found = _modules()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@functools.cache
def _modules() -> Path | str:
    """Installed once for each lock file; or the reason why not."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ninx-browser-tests"
    home = cache / hashlib.sha256(lock).hexdigest()[:16]
    if not home.exists():
        npm = shutil.which("npm")
        if npm is None:
            return "no npm: the browser is not driven (apt-get install nodejs npm)"
        cache.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(dir=cache))  # another process may do the same; the first to rename wins
        try:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, half)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=half, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"npm ci failed, so the browser is not driven: {done.stderr.strip()[-300:]}"
            if not home.exists():
                half.rename(home)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return home / "node_modules"
