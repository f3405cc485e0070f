"""README.md and docs/*.md do what they say: every block says in which language it is, and every command in it is run.

```python   runs as it stands, in the order of the page; the comment behind a ``print(...)`` is what it prints
```sh       each command has a rule in COMMANDS, or is one that .ci/run runs
```text     pictures and formulas, not run
"""

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import official
import pytest
import ranks
import typer
from fences import Block, blocks
from PIL import Image
from rooms import ROOT

import ninx
import ninx.benchmarks
import ninx.learn
import ninx.study.claims
from ninx.cli.commands import app

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
}

MISUSE = typer.BadParameter.__mro__[1]  # UsageError: click's, or that of the copy which newer versions of typer bring

# Functions of ninx that a page shows with comments of its own: compared with the source, not run.
SHOWN: dict[str, Callable[..., Any]] = {"mul": ninx.mul}


class Run(NamedTuple):
    """How a command is run: the options that make it short enough, and a pattern of what it says.

    What begins with "Error:" is a refusal, and its exit code is 2. An exercise that is "not yet" solved ends with 1.
    """

    options: str
    says: str


class Rule(NamedTuple):
    """What the ordinary tests do with a command, and the slow ones; where there is None, it must only be one that ninx knows."""

    quick: Run | None
    slow: Run | None


SMALL = "--limit 100 --holdout 50 --epochs 1"
TINY = "--limit 20 --holdout 10 --epochs 1"
RESULT = r"(test|held-out) accuracy +\d+\.\d\d %"
GPU = ninx.gpu_status() is None
NO_GPU = Run("", r"Error: device 'cuda' cannot be used: .*pip install 'ninx\[gpu\]'")

# Every command of the pages' blocks, in shlex's spelling. They are run one after another in one folder, as a reader would.
COMMANDS = {
    "ninx train": Rule(Run(SMALL, RESULT), Run("", r"test accuracy 9[789]\.")),
    "ninx eval runs/digits-seed0": Rule(Run("", "confusion matrix"), Run("", r"test accuracy 9[789]\.")),
    "ninx predict runs/digits-seed0 seven.jpg": Rule(Run("", r"seven\.jpg: \d"), Run("", r"seven\.jpg: 7")),
    "ninx predict --show runs/digits-seed0 seven.jpg": Rule(Run("", r"9 +█* +\d+\.\d %"), None),
    "ninx maps runs/digits-seed0 seven.jpg": Rule(Run("", r"Wrote runs/digits-seed0/maps/seven\.png"), None),
    "ninx maps runs/digits-seed0 seven.jpg --show": Rule(Run("", r"the mean of a map is its class's score"), None),
    "ninx maps runs/digits-seed0 --test 4": Rule(Run("", r"Wrote runs/digits-seed0/maps/test-3\.png"), None),
    "ninx maps runs/digits-seed0 --deletion": Rule(
        Run("--test 20", r"20 test images, 5 of 49 cells hidden"), Run("", r"more than random ones for [678]\d\.\d %")
    ),
    "ninx train --resume runs/digits-seed0": Rule(Run("--epochs 2", "epoch +2/2"), Run("--epochs 8", "epoch +8/8")),
    "ninx train --epochs 3 --set optim.lr=0.05": Rule(
        Run("--limit 60 --holdout 50", "epoch +3/3"), Run("", r"test accuracy 9\d\.")
    ),
    "ninx train --seed 1": Rule(Run(SMALL, RESULT), Run("", r"test accuracy 9[789]\.")),
    "ninx train --seed 2": Rule(Run(SMALL, RESULT), Run("", r"test accuracy 9[789]\.")),
    "ninx train --find-nan": Rule(Run(TINY, RESULT), None),
    "ninx runs": Rule(Run("", r"digits-seed\d +digits +\d .* finished"), None),
    "ninx compare runs/digits-seed0 runs/digits-seed0-2": Rule(Run("", r"optim.lr +0.1 +0.05"), None),
    "ninx compare runs/digits-seed1 runs/digits-seed2": Rule(Run("", r"AB: 2 seeds, mean"), None),
    "ninx report runs/digits-seed0": Rule(Run("", r"Wrote \d+ kB, which open"), None),
    "ninx report runs/digits-seed1": Rule(Run("", r"Wrote \d+ kB, which open"), None),
    "ninx report runs/digits-seed1 runs/digits-seed2 -o seeds.html": Rule(Run("", r"seeds\.html"), None),
    "ninx recipes": Rule(None, Run("", "fashion-d2l .*Dive into Deep Learning")),
    "ninx train mnist-staged": Rule(None, Run("--limit 60 --epochs 1 --set growth.seeds=1", "Wrote growth.json")),
    "ninx data": Rule(Run("", "digits +train, test +there"), None),
    "ninx models": Rule(Run("", r"nin-cifar10 .*966,986"), None),
    "ninx claims": Rule(Run("", r"54-vs-27 +false"), None),
    "ninx claims 54-vs-27": Rule(Run("", r"result +54 weights; through the 1x1 3 \+ 18 = 21"), None),
    "ninx claims 54-vs-27 --lang zh": Rule(Run("", r"3 \+ 18 = 21"), None),
    "ninx claims --json": Rule(Run("", r"\"verdict\": \"cannot be known\""), None),
    "ninx models nin-cifar10 nin-cifar10-bn": Rule(Run("", "layers differ"), None),
    "ninx check digits": Rule(Run("", r"nin-mnist by the recipe digits: \d notes?\."), None),
    "ninx check nin-bn-fc": Rule(Run("", "534,528 weights do what 5,120 could"), None),
    "ninx check net.py:net --data digits --lr 0.05 --layers": Rule(Run("", "net.py:net on digits: 1 risk, .*"), None),
    "ninx explain runs/digits-seed0": Rule(Run("", r"Wrote \d\.\d MB"), None),
    "ninx explain net.py:net --input 1x28x28 -o net.html": Rule(Run("--overwrite", r"Wrote 0\.\d MB"), None),
    "ninx export runs/digits-seed0": Rule(Run("", r"input \(N, 1, 28, 28\) -> output \(N, 10\)"), None),
    "ninx export nin-cifar10 -o nin.onnx": Rule(Run("", r"Wrote 3,\d+,\d+ bytes"), None),
    "ninx export net.py:net --input 1x28x28": Rule(Run("", r"net: 7 nodes, input \(N, 1, 28, 28\)"), None),
    "ninx summary nin-cifar10 --batch 64": Rule(Run("", "step +at most .* MB more, predicted"), None),
    "ninx summary alexnet-caffe nin-imagenet": Rule(None, Run("", "an eighth of the parameters .* 1.5 times the compute")),
    "ninx summary net.py:net --input 1x28x28": Rule(Run("", r"net, input 1x28x28"), None),
    "ninx graph nin-cifar10": Rule(Run("--batch 64", r"together +172\.7 MB"), None),
    "ninx graph nin-cifar10 -o nin.svg": Rule(Run("", r"Wrote nin\.svg"), None),
    "ninx graph net.py:net --input 1x28x28 -o net.mmd": Rule(Run("", r"Wrote net\.mmd"), None),
    "ninx graph vgg16 --no-collapse -o vgg.json": Rule(Run("", r"Wrote vgg\.json"), None),
    "ninx lab conv --input 8x192x28x28 --out 32": Rule(None, Run("", "the worst prediction")),
    "ninx lab conv --input 8x192x28x28 --out 32 --kernel 1": Rule(None, Run("", "the worst prediction")),
    "ninx lab conv --compare 1,3,5,7 --plot kernels.png": Rule(None, Run("", "9.7 times fewer multiply-adds")),
    "ninx lab sweep": Rule(None, Run("", "Within a factor of 1.5")),
    "ninx learn": Rule(Run("", r"03-im2col +Every window becomes a row +not started"), None),
    "ninx learn start 03-im2col": Rule(Run("", r"Wrote 03-im2col\.py"), None),
    "ninx learn check 03-im2col": Rule(Run("", r"03-im2col: not yet"), None),
    "ninx learn grade class": Rule(Run("", r"ada +1 +1"), None),
    "ninx learn grade class --wide -o gradebook.csv": Rule(Run("", r"Wrote gradebook\.csv"), None),
    "ninx bench scale --json scale.json": Rule(None, Run("--quick", "512 in all")),
    "mpiexec -n 2 ninx train": Rule(Run(TINY, RESULT), Run("", r"test accuracy 9[789]\.")),
    "mpiexec -n 1 ninx train --seed 1": Rule(None, Run(TINY, RESULT)),
    "mpiexec -n 4 ninx train": Rule(None, Run("", r"test accuracy 9[789]\.")),
    "ninx train --set micro_batches=8 --seed 2": Rule(None, Run(TINY, RESULT)),
    "ninx bench conv --quick": Rule(None, Run("", "geometric mean")),
    "bash tests/cuda/gpu_wheels.sh": Rule(None, Run("", r"\d wheels, \d+ MiB")),
    "bash tests/cuda/gpu_day.sh": Rule(None, Run("", r"\(g\) ok")),
    "ninx train --device cuda": Rule(Run(SMALL, RESULT) if GPU else NO_GPU, None),
    "ninx train cifar10-paper --set augment.flip=true --set augment.translate=4 --epochs 20": Rule(
        Run("--data-dir none", "Error: cifar10: .* `ninx data cifar10` downloads them"), Run(TINY, RESULT)
    ),
    "ninx train fashion-mnist --limit 6000 --holdout 5000": Rule(
        Run("--data-dir none", "Error: fashion-mnist: .* `ninx data fashion-mnist` downloads them"), Run(TINY, RESULT)
    ),
    "ninx train cifar10-caffe --set 'layers.\"6.4\".lr=1'": Rule(
        Run("--data-dir none", "Error: cifar10: .* `ninx data cifar10` downloads them"), Run(TINY, RESULT)
    ),
}

# A network of the reader's own, as the pages' commands name it: two linear maps in a row.
NET = """from ninx import nn
body = [nn.Conv2d(1, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU()]
net = nn.Sequential(*body, nn.Conv2d(16, 32, 1), nn.Conv2d(32, 10, 1), nn.GlobalAvgPool2d(), nn.Flatten())
"""

# -------------------------------------------------------------------- reading the pages


def unmarked(page: str) -> list[int]:
    """The lines of fences that open a block of no known language, or that the reader above would not find."""
    known = {block.line - 1 for block in blocks(page) if block.language in ("python", "sh", "text")}
    ends = {block.line + block.text.count("\n") for block in blocks(page)}
    fences = {i for i, line in enumerate(page.splitlines(), 1) if line.lstrip().startswith(("```", "~~~"))}
    return sorted(fences - known - ends)


def only_shown(block: Block) -> bool:
    """Is it code of ninx, which its reader is not to run?"""
    return all(isinstance(node, ast.FunctionDef) and node.name in SHOWN for node in ast.parse(block.text).body)


def program(page: str) -> str:
    """All Python of a page that is to be run, each line where it stands on the page, so that a traceback tells where."""
    lines = [""] * page.count("\n")
    for block in blocks(page, "python"):
        if not only_shown(block):
            text = block.text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(text)] = text
    return "\n".join(lines)


def commands(page: str) -> Iterator[tuple[int, str]]:
    """Each command of the page's shell blocks with its line; those of ninx begin with "ninx", wherever it is installed."""
    for block in blocks(page, "sh"):
        for i, line in enumerate(block.text.splitlines(), block.line):
            words = shlex.split(line, comments=True)
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                yield i, shlex.join(words[:end]).removeprefix(".venv/bin/")
                words = words[end + 1 :]


def is_script(command: str) -> bool:
    """Is it a script of the clone, which runs there?"""
    return command.startswith("bash tests/")


def installs(command: str) -> bool:
    """Is it a step of a set-up line? Those are run by .ci/run, see below."""
    return command.startswith(("python3 -m venv", "pip install")) or command == "pytest"


def without_rule(page: str) -> list[str]:
    """What a page tells the reader to do and nothing tests."""
    return [
        f"line {i}: {c!r} is not tested; add it to COMMANDS with the options that make it short"
        for i, c in commands(page)
        if c not in COMMANDS and not installs(c)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_in_which_language_it_is(page: str) -> None:
    assert unmarked(PAGES[page]) == [], "write ```python, ```sh or ```text"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_has_a_rule(page: str) -> None:
    assert without_rule(PAGES[page]) == []


def test_every_rule_is_for_a_command_that_is_there() -> None:
    assert set(COMMANDS) == {c for page in PAGES.values() for _, c in commands(page) if not installs(c)}


def test_what_nobody_tests_is_found() -> None:
    """The reader of the pages by itself: a block without a language, a command without a rule."""
    page = "Text\n```\nninx train\n```\n\n```sh\nninx train   # all\npip install x && ninx dance --set 'a=\"b\"'\n```\n"
    assert unmarked(page) == [2]
    assert unmarked(page + "  ```sh\n  ninx\n  ```\n") == [2, 10, 12]
    assert list(commands(page)) == [(7, "ninx train"), (8, "pip install x"), (8, "ninx dance --set 'a=\"b\"'")]
    assert without_rule(page) == [
        "line 8: 'ninx dance --set \\'a=\"b\"\\'' is not tested; add it to COMMANDS with the options that make it short"
    ]


# -------------------------------------------------------------------- Python


def python(script: str, folder: Path) -> list[str]:
    """The lines that a fresh interpreter prints."""
    (folder / "page.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", "page.py"], cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder with what the pages take for granted: a picture of a 7, dark on light, and (small) data sets in their folder."""
    digits = ninx.data.load("digits", "test")
    seven = digits.images[digits.labels.tolist().index(7)]
    Image.fromarray(255 - seven).resize((280, 280)).save(tmp_path / "seven.jpg")
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "ada" / "02-matmul.py").write_text(
        "def matmul_grad(g, a, b): return g @ b.T, a.T @ g", encoding="utf-8"
    )
    for split in ("train", "test"):
        official.write_mnist(tmp_path / "data" / "fashion-mnist", split, *official.drawn((60, 28, 28), 10))
    batches = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    content = official.cifar_binary(*official.drawn((20, 32, 32, 3), 10))
    members = {f"cifar-10-batches-bin/{name}": content for name in batches}
    official.write_tar(tmp_path / "data" / "cifar10" / "cifar-10-binary.tar.gz", members)
    return tmp_path


def promised(script: str) -> list[str]:
    """What the comments behind ``print`` say that it prints."""
    return re.findall(r"^ *print\(.*\)  # (.+)$", script, re.MULTILINE)


def accuracy(printed: list[str]) -> float:
    """What the README's network prints in the end."""
    (right,) = re.findall(r"^(\d+) of the 1,000 test digits are right$", "\n".join(printed), re.MULTILINE)
    return int(right) / 1000


@pytest.mark.parametrize("page", [page for page in PAGES if program(PAGES[page]).strip()])
def test_the_python_of_a_page_runs_as_it_stands(page: str, tmp_path: Path) -> None:
    script = program(PAGES[page])
    printed = python(script, tmp_path)
    assert [line for line in printed if line in promised(script)] == promised(script)
    if page == "README.md":
        assert promised(script)
        assert accuracy(printed) >= 0.90


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_network_of_the_readme_learns_from_every_seed(seed: int, tmp_path: Path) -> None:
    (script,) = (b.text for b in blocks(PAGES["README.md"], "python") if "manual_seed" in b.text)
    assert script.count("ninx.manual_seed(0)") == 1
    assert accuracy(python(script.replace("ninx.manual_seed(0)", f"ninx.manual_seed({seed})"), tmp_path)) >= 0.90


def bare(function: ast.stmt) -> str:
    """The code of a function without its documentation and types."""
    assert isinstance(function, ast.FunctionDef)
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            node.body = node.body[ast.get_docstring(node) is not None :]
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(function)


def test_code_of_ninx_on_a_page_is_that_of_the_source() -> None:
    shown = [ast.parse(b.text).body for page in PAGES.values() for b in blocks(page, "python") if only_shown(b)]
    functions = {f.name: bare(f) for body in shown for f in body if isinstance(f, ast.FunctionDef)}
    assert functions == {name: bare(ast.parse(inspect.getsource(function)).body[0]) for name, function in SHOWN.items()}


def test_no_block_only_defines_what_nobody_calls() -> None:
    definition = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    for page, text in PAGES.items():
        for block in blocks(text, "python"):
            runs = any(not isinstance(node, definition) for node in ast.parse(block.text).body)
            assert runs or only_shown(block), f"{page}, line {block.line}: nothing is run; call it, or name it in SHOWN"


# -------------------------------------------------------------------- the command line


def known(line: str) -> bool:
    """Does ninx know this command, its options, and the recipe, network, data set or suite that it names? It is not run."""
    names = {
        "recipe": ninx.train.recipe.names(),
        "networks": ninx.models.names(),
        "network": ninx.models.names(),
        "name": ninx.data.names(),
        "suite": list(ninx.benchmarks.SUITES),
        "claim": ninx.study.claims.names(),
        "exercise": ninx.learn.names(),
        "exercises": ninx.learn.names(),
    }
    name, *rest = shlex.split(line)[1:]
    commands_of_ninx = typer.main.get_command(app).commands
    if name not in commands_of_ninx:
        return False
    command = commands_of_ninx[name]
    if rest and name in ("lab", "learn"):  # which has commands of its own
        if rest[0] not in command.commands:
            return False
        command, rest = command.commands[rest[0]], rest[1:]
    if not rest:  # the text names the command
        return True
    try:
        given = command.make_context(name, rest).params
    except MISUSE:
        return False
    for key, choices in names.items():
        words = given.get(key) or ()
        if not all(
            word in choices or word.endswith(".toml") or ".py:" in word or word.startswith("runs/")
            for word in ([words] if isinstance(words, str) else words)
        ):
            return False
    return True


def inline(page: str) -> list[str]:
    """The commands that stand in the text; N stands for a number."""
    outside = re.sub(r"^```.*\n(?:.*\n)*?```$", "", page, flags=re.MULTILINE)
    return [re.sub(r"\bN\b", "0", c) for c in re.findall(r"`(ninx [a-z][^`]*)`", outside)]


@pytest.mark.parametrize("page", PAGES)
def test_ninx_knows_every_command_of_a_page(page: str) -> None:
    assert [
        c for c in [*inline(PAGES[page]), *(c for _, c in commands(PAGES[page]) if c.startswith("ninx "))] if not known(c)
    ] == []


@pytest.mark.parametrize(
    "command",
    [
        "ninx dance",
        "ninx train digit",
        "ninx train --speed 3",
        "ninx bench con",
        "ninx models alex",
        "ninx claims 7",
        "ninx lab con",
        "ninx learn start 03-im2cols",
    ],
)
def test_a_command_that_ninx_does_not_know_is_found(command: str) -> None:
    assert not known(command)


def started(words: list[str]) -> list[str]:
    """A command with the ninx and the mpiexec of this Python in it."""
    before = [str(ranks.MPIEXEC), *words[1:3]] if words[0] == "mpiexec" else []
    own = [sys.executable, "-c", "from ninx.cli import main; main()"]
    return words if words[0] == "bash" else [*before, *own, *words[words.index("ninx") + 1 :]]


def follow(page: str, folder: Path, which: str) -> None:
    """Run the commands of a page in ``folder``, each once, by the rules for the "quick" or the "slow" tests."""
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", "NINX_DATA": str(folder / "data")}
    environment |= {"NINX_GPU_DAY": "stand-in", "PYTHON": sys.executable, "OUT": str(folder)}  # for the scripts
    for command in dict.fromkeys(c for _, c in commands(page) if c in COMMANDS):
        run: Run | None = getattr(COMMANDS[command], which)
        if run is not None:
            words = shlex.split(f"{command} {run.options}")
            if words[0] == "mpiexec" and not ranks.HAS_MPI:
                continue
            where = ROOT if is_script(command) else folder
            done = subprocess.run(
                started(words), cwd=where, capture_output=True, text=True, timeout=600, env=environment, stdin=subprocess.DEVNULL
            )
            said = done.stdout + done.stderr
            code = 2 if run.says.startswith("Error:") else 1 if run.says.endswith("not yet") else 0
            assert done.returncode == code, f"{command} {run.options}\n{said}"
            assert re.search(run.says, said), f"{command} {run.options}\n{said}"


WITH_COMMANDS = [page for page in PAGES if any(c in COMMANDS for _, c in commands(PAGES[page]))]


LONG = {"docs/SEE.md"}  # whose commands take a minute


@pytest.mark.parametrize("page", [pytest.param(p, marks=pytest.mark.slow) if p in LONG else p for p in WITH_COMMANDS])
def test_the_commands_of_a_page(page: str, scratch: Path) -> None:
    follow(PAGES[page], scratch, "quick")


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_as_they_stand(page: str, scratch: Path) -> None:
    follow(PAGES[page], scratch, "slow")


def test_the_set_up_lines_are_those_that_continuous_integration_runs() -> None:
    """It finds them in the README with a search of its own, which is run here too."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    searches = re.findall(r"^command=\$\((.*)\)$", script, re.MULTILINE)
    assert script.count('bash -c "$command') == len(searches)
    found = [subprocess.run(["bash", "-c", s], cwd=ROOT, capture_output=True, text=True, check=True).stdout for s in searches]
    lines = [line for page in PAGES.values() for b in blocks(page, "sh") for line in b.text.splitlines(keepends=True)]
    assert found == [line for line in lines if not line.startswith(("ninx ", "mpiexec ")) and not is_script(line)]
