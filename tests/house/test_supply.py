"""What the project is made from: licences that may be used, and lists of packages that hold all that is asked for."""

from __future__ import annotations

from pathlib import Path

import licences
import locks
import pytest


@pytest.mark.parametrize(
    "said",
    ["MIT", "BSD-3-Clause AND 0BSD AND Zlib", "Apache-2.0 WITH LLVM-exception", "Apache Software License", "GPL-3.0 OR MIT"],
)
def test_harmless_licences(said: str) -> None:
    assert licences.allowed(said)


@pytest.mark.parametrize(
    "said", ["GNU General Public License (GPL)", "MIT AND GPL-3.0-only", "not said", "", "AGPL-3.0", "LGPLv3"]
)
def test_others(said: str) -> None:
    assert not licences.allowed(said)


def test_every_package_that_is_installed_has_a_licence_that_may_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main() == 0, capsys.readouterr().out
    assert "numpy " in capsys.readouterr().out


def test_what_another_package_brings_along_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name, wants in (("site", "first", "second"), ("site", "second", "third"), ("_vendor", "third", "first")):
        about = tmp_path / folder / f"{name}-1.0.dist-info" / "METADATA"
        about.parent.mkdir(parents=True)
        about.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {wants}\n")
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert licences.installed("first") == ["second"]


PROJECT = """
[project]
dependencies = ["numpy>=2.0", "torch==2.13.0"]
[project.optional-dependencies]
test = ["nvidia-cuda_nvrtc>=13.0; sys_platform == 'linux'"]
"""
LIST = "numpy==2.4.0 ; python_version < '3.12' \\\n    --hash=sha256:1\nnumpy==2.5.0 \\\n    --hash=sha256:2\n"


def test_what_a_list_lacks_is_named() -> None:
    assert locks.missing(PROJECT, LIST, ()) == []
    assert locks.missing(PROJECT, LIST, ("test",)) == ["nvidia-cuda_nvrtc>=13.0; sys_platform == 'linux' is not in it"]
    assert locks.missing(PROJECT.replace(">=2.0", ">=2.4.1"), LIST, ()) == ["numpy>=2.4.1 is in it as 2.4.0, 2.5.0"]
    assert locks.missing(PROJECT, LIST + "rich==15.0.0\n", ()) == ["rich==15.0.0 has no hash"]


def test_the_lists_hold_all_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert locks.main() == 0, capsys.readouterr().out
