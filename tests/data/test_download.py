"""Downloads, from a server on this machine that is sometimes wrong, slow in the head or not there at all."""

import gzip
import hashlib
import pickle
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import terminal
from official import drawn, idx, write_mnist
from typer.testing import CliRunner

from ninx import data
from ninx.cli.commands import app
from ninx.data import fetching, sources

CLOSED = "http://127.0.0.1:9/"  # the discard port: nobody listens


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """Serves tmp_path/served; "mnist" is made of small files whose hashes are known."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    for split in ("train", "test"):
        write_mnist(tmp_path / "served" / "good", split, *drawn((20, 28, 28), 10))
    files = {
        split: tuple(
            replace(f, sha256=hashlib.sha256((tmp_path / "served" / "good" / f.name).read_bytes()).hexdigest()) for f in old
        )
        for split, old in sources.SOURCES["mnist"].files.items()
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "served"))) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(
            sources.SOURCES, "mnist", replace(sources.SOURCES["mnist"], mirrors=(server.url + "good/",), files=files)
        )
        yield server
        server.shutdown()
        thread.join()


def _mirrors(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(sources.SOURCES["mnist"], mirrors=mirrors))


def test_files_come_from_the_first_mirror_that_has_the_right_ones(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "served" / "wrong"
    wrong.mkdir()
    (wrong / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(20, np.uint8))))  # well formed, but false
    _mirrors(monkeypatch, CLOSED, server.url + "wrong/", server.url + "good/")
    seen: dict[str, int] = {}
    new = data.download("mnist", "train", tmp_path / "to", lambda file, done: seen.update({file.name: done}))
    assert [p.name for p in new] == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    for path in new:
        good = (tmp_path / "served" / "good" / path.name).read_bytes()
        assert path.read_bytes() == good
        assert seen[path.name] == len(good)
    assert {p.name for p in (tmp_path / "to" / "mnist").iterdir()} == {p.name for p in new}, "something else was left"
    assert len(data.load("mnist", "train", tmp_path / "to")) == 20
    server.asked.clear()
    assert data.download("mnist", "train", tmp_path / "to") == []
    assert server.asked == []


def test_without_a_right_file_nothing_stays_and_the_sentence_names_all(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "served" / "wrong"
    wrong.mkdir()
    (wrong / "train-images-idx3-ubyte.gz").write_bytes(b"<html>sold</html>")
    _mirrors(monkeypatch, CLOSED, server.url + "none/", server.url + "wrong/")
    with pytest.raises(ValueError, match=r"cannot be reached.*answered 404.*gave another file than the one wanted") as caught:
        data.download("mnist", data_dir=tmp_path / "to")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert f"into {tmp_path / 'to' / 'mnist'} by hand" in sentence
    for split in ("train", "test"):
        for file in sources.SOURCES["mnist"].files[split]:
            assert file.name in sentence
    assert not [p for p in (tmp_path / "to").rglob("*") if p.is_file()]


def test_a_file_that_is_there_is_not_fetched_again(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    write_mnist(tmp_path / "to" / "mnist", "train", *drawn((10, 28, 28), 10), packed=False)
    new = data.download("mnist", data_dir=tmp_path / "to")
    assert [p.name for p in new] == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    write_mnist(tmp_path / "other" / "MNIST" / "raw", "train", *drawn((10, 28, 28), 10))  # where torchvision puts it
    assert data.download("mnist", "train", tmp_path / "other") == []
    with pytest.raises(ValueError, match="has no split 'extra', only train, test"):
        data.download("mnist", "extra", tmp_path)


def test_one_archive_for_both_splits_is_fetched_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fetched = []
    monkeypatch.setattr(fetching, "_fetch", lambda name, file, *rest: fetched.append(file.name))
    data.download("cifar10", data_dir=tmp_path)
    assert fetched == ["cifar-10-binary.tar.gz"]


def test_hashes_and_mirrors_are_well_formed() -> None:
    for known in sources.SOURCES.values():
        assert all(mirror.endswith("/") and mirror.startswith("http") for mirror in known.mirrors)
        for file in (f for files in known.files.values() for f in files):
            assert len(bytes.fromhex(file.sha256)) == 32


def test_the_command_lists_and_downloads(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    folder = str(tmp_path / "to")
    before = CliRunner().invoke(app, ["data", "--data-dir", folder])
    assert before.exit_code == 0
    rows = {tuple(line.split()[:3]): line for line in before.stdout.splitlines() if line.strip()}
    assert "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz (9.9 MB)" in rows["mnist", "train", "missing"]
    assert ("svhn", "extra", "missing") in rows
    fetched = CliRunner().invoke(app, ["data", "mnist", "--data-dir", folder])
    assert fetched.exit_code == 0, fetched.stdout
    after = CliRunner().invoke(app, ["data", "--data-dir", folder]).stdout
    assert [line.split()[:3] for line in after.splitlines() if "mnist" in line and "fashion" not in line and "there" in line] == [
        ["mnist", "train", "there"],
        ["mnist", "test", "there"],
    ]
    assert "mnist is there." in CliRunner().invoke(app, ["data", "mnist", "--data-dir", folder]).stdout
    unknown = CliRunner().invoke(app, ["data", "mnits"])
    assert "did you mean 'mnist'" in str(unknown.exception)


@pytest.mark.parametrize("columns", [60, *(pytest.param(width, marks=pytest.mark.slow) for width in (80, 120))])
def test_a_download_on_a_terminal(server: ThreadingHTTPServer, tmp_path: Path, columns: int) -> None:
    """With a bar for each file while it comes, and nothing left of the bars in the end."""
    code = f"""
import pickle
from ninx.data import sources
sources.SOURCES["mnist"] = pickle.loads({pickle.dumps(sources.SOURCES["mnist"])!r})
from ninx.cli import main
main()
"""
    plain = {"NO_PROXY": "*", "no_proxy": "*"}
    arguments = ["data", "mnist", "--data-dir", "to"]
    screen = terminal.run(arguments, tmp_path, columns, environment=plain, command=[sys.executable, "-c", code])
    assert screen.returncode == 0, screen.text
    assert screen.broken in ([], [str(tmp_path / "to" / "mnist")])  # a path is never broken but by the terminal
    assert b"t10k-labels-idx1-ubyte.gz" in screen.raw.split(b"Wrote")[0]
    assert screen.lines[0].startswith("Wrote train-images-idx3-ubyte.gz,")
    assert str(tmp_path / "to" / "mnist") in "".join(screen.lines)
    listed = terminal.run(["data", "--data-dir", "to"], tmp_path, columns)
    assert listed.broken == []
    assert [line.split()[:3] for line in listed.lines if line.startswith("mnist")] == [
        ["mnist", s, "there"] for s in ("train", "test")
    ]


DEBIAN = Path("/usr/share/datasets/fashion-mnist")
WRITTEN = {"train": 1504176606, "t10k": 1504176627}  # when the authors packed the files


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_hashes_of_fashion_mnist_are_those_of_the_data() -> None:
    """Debian's files are the authors' without the name and the time in gzip's head; with both put back the hashes must fit."""
    for file in (f for files in sources.SOURCES["fashion-mnist"].files.values() for f in files):
        packed = (DEBIAN / file.name).read_bytes()
        time = WRITTEN[file.name.split("-")[0]].to_bytes(4, "little")
        authors = b"\x1f\x8b\x08\x08" + time + b"\x00\x03" + file.name.removesuffix(".gz").encode() + b"\0" + packed[10:]
        assert len(authors) == file.size
        assert hashlib.sha256(authors).hexdigest() == file.sha256


def test_whether_a_data_set_is_there(tmp_path: Path) -> None:
    assert sources.is_there("digits")
    assert not sources.is_there("mnist", tmp_path)
    write_mnist(tmp_path / "mnist", "train", *drawn((20, 28, 28), 10))
    assert not sources.is_there("mnist", tmp_path)  # half of it
    write_mnist(tmp_path / "mnist", "test", *drawn((20, 28, 28), 10))
    assert sources.is_there("mnist", tmp_path)
    assert sources.is_there(str(tmp_path))
    assert not sources.is_there(str(tmp_path / "none"))
