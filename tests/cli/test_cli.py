"""The command line, run as a user runs it: in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import official
import pytest
from PIL import Image

import ninx

TINY = ["--set", "model.name=nin-mnist-v0", "--set", "model.switches={}", "--limit", "200", "--epochs", "1"]


def _ninx(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ninx.cli import main; main()", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=_environment())


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("COV_")} | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training, and the folder in which it was started."""
    folder = tmp_path_factory.mktemp("cli")
    done = _ninx("train", *TINY, cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "train.txt").write_text(done.stdout)
    return folder


def test_train_prints_epochs_accuracy_and_confusion(run: Path) -> None:
    text = (run / "train.txt").read_text()
    assert re.search(r"nin-mnist-v0 \(4,370 parameters\) on digits: 200 images to learn from, 1,000 to test", text)
    assert re.search(r"epoch +1/1 +loss \d\.\d{4} +accuracy +\d+\.\d\d % +\d+ img/s", text)
    assert re.search(r"test accuracy \d+\.\d\d % \(\d+ of 1000\), loss", text)
    assert "confusion matrix" in text
    folder = run / "runs" / "digits-seed0"
    written = {
        "checkpoint.safetensors",
        "checkpoint-1.safetensors",
        "metrics.jsonl",
        "curves.png",
        "run.json",
        "report.html",
        ".lock",
    }
    assert {p.name for p in folder.iterdir()} == written
    with Image.open(folder / "curves.png") as picture:
        assert picture.size[0] > 500


def test_eval_says_what_training_said(run: Path) -> None:
    done = _ninx("eval", "runs/digits-seed0/checkpoint.safetensors", cwd=run)
    assert done.returncode == 0, done.stderr
    line = re.search(r"test accuracy .*", done.stdout)
    assert line
    assert line.group() in (run / "train.txt").read_text()
    model = ninx.load_checkpoint(run / "runs" / "digits-seed0" / "checkpoint.safetensors")
    digits = ninx.data.load("digits", "test")
    preparation = ninx.train.read_checkpoint(run / "runs" / "digits-seed0" / "checkpoint.safetensors").preparation()
    images = np.stack([preparation.one(image) for image in digits.images])
    with ninx.no_grad():
        answers = model(ninx.from_numpy(images)).argmax(1).numpy()
    for label in range(10):  # a row of the table is a true class
        counts = np.bincount(answers[digits.labels == label], minlength=10)
        cells = [str(n) if n or i == label else "·" for i, n in enumerate(counts)]
        row = r"\s+".join([str(label), *cells, rf"{counts[label]}\.0 %"])
        assert re.search(rf"^\s*{row}\s*$", done.stdout, re.MULTILINE), done.stdout


def test_predict_names_the_digit_that_the_network_sees(run: Path) -> None:
    """Two digits as PNG, one enlarged and dark on light; the answers are those of the network itself."""
    digits = ninx.data.load("digits", "test")
    for i in (0, 1):
        light = Image.fromarray(digits.images[i]).resize((280, 280))
        light.save(run / f"light{i}.png")
        Image.fromarray(255 - np.asarray(light)).save(run / f"dark{i}.png")  # exactly inverted: resizing rounds
    bright = _ninx("predict", "runs/digits-seed0", "light0.png", "light1.png", cwd=run)
    for option in ([], ["--invert"]):  # it finds out by itself, or is told
        dark = _ninx("predict", "runs/digits-seed0", *option, "dark0.png", "dark1.png", cwd=run)
        assert bright.returncode == dark.returncode == 0, bright.stderr + dark.stderr
        assert bright.stdout == dark.stdout.replace("dark", "light")
    told = _ninx("predict", "runs/digits-seed0", "--no-invert", "dark0.png", "dark1.png", cwd=run)  # it believes what it is told
    model = ninx.load_checkpoint(run / "runs" / "digits-seed0" / "checkpoint.safetensors")
    preparation = ninx.train.read_checkpoint(run / "runs" / "digits-seed0" / "checkpoint.safetensors").preparation()
    for kind, lines in (("light", bright.stdout), ("dark", told.stdout)):
        for i, line in enumerate(lines.splitlines()):
            image = preparation.one(ninx.data.read_digit(run / f"{kind}{i}.png", invert=False))
            chances = ninx.functional.softmax(model(ninx.tensor(image[None])), 1).detach().numpy()[0]
            second, first = np.argsort(chances)[-2:]
            shares = f"({100 * chances[first]:.1f} %; next {second}, {100 * chances[second]:.1f} %)"
            assert line == f"{kind}{i}.png: {first}  {shares}"
    assert told.stdout != dark.stdout


def test_predict_says_none_where_the_network_has_more_outputs_than_there_are_classes(run: Path) -> None:
    saved = ninx.train.read_checkpoint(run / "runs" / "digits-seed0" / "checkpoint.safetensors")
    ninx.train.save_checkpoint(run / "two.safetensors", replace(saved, classes=("nought", "one")))
    Image.fromarray(ninx.data.load("digits", "test").images[0]).save(run / "digit.png")
    done = _ninx("predict", "two.safetensors", "digit.png", cwd=run)
    assert re.match(r"digit\.png: (nought|one|none)  \([\d.]+ %; next (nought|one|none), ", done.stdout), done.stderr
    assert "none" in done.stdout


def test_resume_goes_on(run: Path) -> None:
    first = _ninx("train", *TINY, "--out", "part", cwd=run)
    assert first.returncode == 0, first.stderr
    more = _ninx("train", "digits", *TINY[:-2], "--resume", "part", "--epochs", "2", cwd=run)  # the same said again
    assert more.returncode == 0, more.stderr
    assert "epoch   2/2" in more.stdout
    assert "epoch   1/" not in more.stdout
    assert len((run / "part" / "metrics.jsonl").read_text().splitlines()) == 2
    file = _ninx("train", "--resume", "part/checkpoint.safetensors", "--epochs", "3", cwd=run)
    assert file.returncode == 0, file.stderr
    assert len((run / "part" / "metrics.jsonl").read_text().splitlines()) == 3
    fewer = _ninx("train", "--resume", "part", "--epochs", "2", cwd=run)
    assert fewer.returncode == 2, fewer.stdout
    assert "train: the run has finished 3 epochs already, more than epochs = 2" in fewer.stderr
    assert ninx.train.read_checkpoint(run / "part" / "checkpoint.safetensors").recipe.epochs == 3


def test_seed_and_held_out_images_are_those_that_were_asked_for(tmp_path: Path) -> None:
    options = ["--limit", "100", "--holdout", "100"]
    done = [_ninx("train", *TINY, *options, *seed, cwd=tmp_path) for seed in (["--seed", "3"], ["--set", "seed=3"])]
    for ran, folder in zip(done, ("digits-seed3", "digits-seed3-2"), strict=True):
        assert ran.returncode == 0, ran.stderr
        assert f"100 images to learn from, 100 held out; seed 3, run folder runs/{folder}\n" in ran.stdout
        assert re.search(r"held-out accuracy \d+\.\d\d % \(\d+ of 100\)", ran.stdout)
        assert ninx.load_run(tmp_path / "runs" / folder).recipe.seed == 3


def test_data_from_a_folder(tmp_path: Path) -> None:
    """The same folder in training and in evaluation, wherever the user's own data lie."""
    for split, count in (("train", 50), ("test", 30)):
        official.write_mnist(tmp_path / "mine" / "mnist", split, *official.drawn((count, 28, 28), 10))
    trained = _ninx("train", *TINY, "--set", "data=mnist", "--data-dir", "mine", "--out", "run", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "on mnist: 50 images to learn from, 30 to test" in trained.stdout
    tested = _ninx("eval", "run", "--data-dir", "mine", cwd=tmp_path)
    assert tested.returncode == 0, tested.stderr
    assert re.search(r"test accuracy .* of 30\)", tested.stdout).group() in trained.stdout


def _listen() -> None:
    """Hear Ctrl-C, which a shell lets the jobs in its background ignore, and so all that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_leaves_a_checkpoint_that_can_be_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from ninx.cli import main; main()", "train", *TINY[:-1], "500", "--out", "stopped"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(), preexec_fn=_listen
    )
    metrics = tmp_path / "stopped" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    epoch = int(
        re.search(
            r"holds (\d+) of 500 epochs(?: and \d of \d batches of the next)?; go on with: ninx train --resume stopped",
            " ".join(output.split()),
        ).group(1)
    )
    assert epoch >= 1
    assert len(metrics.read_text().splitlines()) == epoch
    resumed = _ninx("train", "--resume", "stopped", "--epochs", epoch + 1, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert f"epoch {epoch + 1:3d}/{epoch + 1}" in resumed.stdout


def test_help_is_for_newcomers(tmp_path: Path) -> None:
    done = _ninx("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("train", "eval", "predict", "handwritten digits"):
        assert word in done.stdout
    for command in ("train", "eval", "predict"):
        short = _ninx(command, "-h", cwd=tmp_path)
        assert (short.returncode, short.stdout) == (0, _ninx(command, "--help", cwd=tmp_path).stdout)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tr", ["train"]),
        ("train fashion", ["fashion-d2l", "fashion-mnist"]),
        ("models nin-cifar10", ["nin-cifar10", "nin-cifar100", "nin-cifar10-bn"]),
        ("data ci", ["cifar10", "cifar100"]),
        ("bench s", ["step", "scaling", "scale"]),
    ],
)
def test_the_shell_completes_names(tmp_path: Path, typed: str, offered: list[str]) -> None:
    """What `ninx --install-completion` puts into the shell asks like this after a tab."""
    asked = {"_NINX_COMPLETE": "complete_bash", "COMP_WORDS": f"ninx {typed}", "COMP_CWORD": str(len(typed.split()))}
    code = "import sys; sys.argv[0] = 'ninx'; from ninx.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=_environment() | asked
    )
    assert done.stdout.split() == offered, done.stderr


def test_python_m_ninx_is_the_same_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ninx", "train", "digit"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=_environment())
    same = _ninx("train", "digit", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (same.returncode, same.stdout, same.stderr)
    helped = subprocess.run(
        [*command[:3], "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=_environment()
    )
    assert helped.returncode == 0
    assert "Usage: python -m ninx " in helped.stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["train", "digit"], "there is no recipe 'digit'; did you mean 'digits'?"),
        (["train", "--set", "model.name=nin-minst"], "there is no model 'nin-minst'; did you mean 'nin-mnist'?"),
        (["train", "--set", "optim.lr=-1"], "optim.lr = -1"),
        (["train", "--set", "optim.lr"], "--set wants KEY=VALUE"),
        (["train", "--resume", "nowhere.safetensors"], "there is no file nowhere.safetensors"),
        (["train", "--set", "data=cifar10", "--data-dir", "."], "`ninx data cifar10` downloads them, or put"),
        (["train", "--set", "data=./none"], "there is no folder ./none"),
        (["data", "cifar"], "there is no data set 'cifar'; did you mean 'cifar"),
        (["data", "mnist", "--split", "valid"], "has no split 'valid', only train, test"),
        (["eval", "text.txt"], "is damaged, or no checkpoint at all"),
        (["predict", "text.txt", "text.txt"], "is damaged, or no checkpoint at all"),
        (["predict", "RUN", "text.txt"], "text.txt cannot be read as an image"),
        (["predict", "RUN", "none.png"], "none.png: there is no such file"),
        (["train", "--resume", "RUN", "--set", "optim.lr=0.5"], "a resumed run keeps its recipe; only epochs can be changed"),
        (["train", "fashion-d2l", "--resume", "RUN"], "the run to resume has the recipe 'digits', not 'fashion-d2l'"),
        (["train", "--resume", "RUN", "--epochs", "0"], "epochs = 0: Input should be greater than or equal to 1"),
        (["bench", "convs"], "there is no suite 'convs'; did you mean 'conv'?"),
    ],
)
def test_mistakes_end_in_one_sentence_and_code_2(run: Path, tmp_path: Path, args: list[str], sentence: str) -> None:
    (tmp_path / "text.txt").write_text("hello")
    args = [str(run / "runs" / "digits-seed0") if a == "RUN" else a for a in args]
    done = _ninx(*args, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"text.txt"}, "something was left half-written"
    debug = _ninx(*args, "--debug", cwd=tmp_path)
    assert "Traceback" in debug.stderr


def test_models_lists_every_network_without_making_its_weights(tmp_path: Path) -> None:
    code = """
from ninx.cli.commands import app
import tracemalloc
tracemalloc.start()
app(["models"], standalone_mode=False)
print("peak", tracemalloc.get_traced_memory()[1] // 2**20)
"""
    narrow = _environment() | {"COLUMNS": "60"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=narrow)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in done.stdout.splitlines() if line.strip()}
    assert set(ninx.models.names()) <= set(lines)
    assert lines["nin-cifar10"] == "authors, Caffe 3x32x32 966,986 16.5 % 222,486,528 30.8 % 27"
    assert lines["vgg16"] == "torchvision 3x224x224 138,357,544 0.0 % 15,470,264,320 0.0 % 196"
    assert int(lines["peak"]) < 50  # MiB; the weights of vgg16 alone are 528


def test_models_shows_the_layers_of_one_and_the_difference_of_two(tmp_path: Path) -> None:
    one = _ninx("models", "nin-mnist-v0", cwd=tmp_path)
    assert one.returncode == 0, one.stderr
    assert re.search(r"2\.0 +Conv2d 3x3/1/1, 10->20 +20x112x112 +1,820 +22\.6 M +52\.4 % +8 *\n", one.stdout)
    assert re.search(
        r"parameters +4,370, .*\nMACs +43,088,640 for one image, .*\nFLOPs +86,177,280 .*\nsees +18x18 pixels", one.stdout
    )
    two = _ninx("models", "nin-mnist-v0", "nin-mnist-v1", cwd=tmp_path)
    assert two.returncode == 0, two.stderr
    assert len(re.findall(r"≠ +(?:Conv2d 1x1/1/0, 10 -> 10|ReLU)", two.stdout)) == two.stdout.count("≠") == 4
    assert "4 of 21 layers differ" in two.stdout
    for wrong, message in ((["nin-minst"], "did you mean 'nin-mnist'"), (["vgg11"] * 3, "one, or two to compare, not 3")):
        failed = _ninx("models", *wrong, cwd=tmp_path)
        assert failed.returncode == 2
        assert message in failed.stderr
