"""What a command says where something is short, full, unreadable or oddly named: one sentence, and no traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ninx import data
from ninx.cli import main
from ninx.files import write_atomically

RECIPE = 'data = "mnist"\nepochs = 1\nbatch_size = 8\n{more}\n[model]\nname = "nin-mnist-v0"\n[optim]\nlr = 0.1\n'


def _said(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["ninx", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
    return said.out + said.err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "there is not enough memory (MemoryError); close other programs, or take smaller batches"),
        (MemoryError("Unable to allocate 28.7 MiB"), "there is not enough memory (Unable to allocate 28.7 MiB); close"),
        (RecursionError("maximum recursion depth exceeded"), "something is nested too deep"),
        (ImportError("libx.so: failed to map segment from shared object"), "failed to map segment"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), "No space left on device: 'runs/x'"),
        (ValueError(), "Error: ValueError"),
        (ValueError("[/b] and [red]"), "[/b] and [red]"),
    ],
)
def test_every_end_is_a_sentence(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(data, "data_folder", fails)
    assert words in " ".join(_said(["data"], monkeypatch, capfd).split())


def test_markup_in_a_recipe_and_in_paths_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(RECIPE.format(more='otherwise = "[/b]"'))
    said = _said(["train", "x.toml", "--data-dir", "[/b]"], monkeypatch, capfd)
    assert "Taking [/b] instead" in said
    assert "there is no recipe '[/b]'" in said
    for command in (["predict", "[/b]", "[/b].png"], ["eval", "[bold]"], ["train", "--resume", "[/]"], ["check", "[/b].toml"]):
        assert command[1 if command[0] != "train" else 2] in _said(command, monkeypatch, capfd)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_of_few_letters(tmp_path: Path, encoding: str) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9 \xe6\x95\xb0.png")
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "ninx", "predict", str(tmp_path / "数"), str(name)]
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    assert done.returncode == 2
    assert b"there is no file" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_full_disk_says_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*checkpoint\.safetensors'"):
        write_atomically(tmp_path / "checkpoint.safetensors", b"x")
    assert not list(tmp_path.iterdir())


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    """It could not be written into a checkpoint: the run would be lost."""
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system takes no such name")
    Image.new("L", (4, 4)).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / os.fsdecode(b"caf\xe9") / "x.png")
    with pytest.raises(ValueError, match=r"the name of its folder 'caf\\udce9' is no text in UTF-8; rename it"):
        data.ImageFolder(tmp_path)
