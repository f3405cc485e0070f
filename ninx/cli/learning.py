"""``ninx learn``: exercises that grade themselves."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ..files import need_place, write_atomically
from ..learn import classes, grading, starting
from ..learn.exercise import load, names
from ..learn.telling import lines
from ..learn.words import language, word
from ..tables import Column, Sheet
from .complete import exercise_names
from .console import console, moving, say, whole

Lang = Annotated[str | None, typer.Option(help="The language of the words: en or zh. Default: that of the environment.")]

learn = typer.Typer(help="Exercises that grade themselves, from a scalar engine to Winograd's convolution.")


@learn.callback(invoke_without_command=True)
def show_exercises(context: typer.Context, lang: Lang = None) -> None:
    """Exercises that grade themselves. Without a command: the list, and how far you are in this folder."""
    context.obj = lang
    if context.invoked_subcommand is not None:
        return
    spoken = language(lang)
    states = starting.states(Path())
    sheet = Sheet([Column(word("labels", key, spoken), text=True) for key in ("exercise", "title", "state")])
    for name, state in states.items():
        style = {"passed": "green", "changed": "green", "started": "yellow"}.get(state, "")
        sheet.add(name, load(name).words["title"][spoken], word("states", state, spoken), style=style)
    sheet.show(console)
    left = [name for name, state in states.items() if state == "not started"]
    if left:
        fresh = len(left) == len(states)
        say(f"\n{word('labels', 'begin' if fresh else 'next', spoken)}")
        whole(f"    ninx learn start {left[0]}")


@learn.command()
def start(
    context: typer.Context,
    exercise: Annotated[str, typer.Argument(help="Its name, from the list.", autocompletion=exercise_names)],
    lang: Lang = None,
) -> None:
    """Write the file of an exercise into this folder: the task, the signature, and a small test. Nothing is overwritten."""
    spoken = language(lang or context.obj)
    path = starting.start(load(exercise), Path(), spoken)
    say(escape(word("labels", "wrote", spoken, file=path.name)))
    whole(f"    ninx learn check {exercise}")


@learn.command()
def check(
    context: typer.Context,
    exercises: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXERCISE",
            help="Names, or paths of files. Default: all that are started here.",
            autocompletion=exercise_names,
        ),
    ] = None,
    exercise: Annotated[
        str | None, typer.Option(help="Which exercise a file of another name is for.", autocompletion=exercise_names)
    ] = None,
    lang: Lang = None,
) -> None:
    """Grade your file on hidden inputs, and say what is wrong. The exit code is 0 if all is right, else 1."""
    spoken = language(lang or context.obj)
    given = exercises or [name for name, state in starting.states(Path()).items() if state != "not started"]
    if not given:
        raise ValueError(f"learn check: no exercise is started in this folder; begin with: ninx learn start {names()[0]}")
    if exercise is not None:
        found = [(load(exercise), Path(text)) for text in given]
    else:
        found = [starting.exercise_of(text) for text in given]
    passed = True
    for which, file in found:
        if not file.exists():
            raise ValueError(f"learn check: there is no file {file}; `ninx learn start {which.name}` writes {which.name}.py")
        with console.status(which.name) if moving() else nullcontext():
            verdict = grading.check(which, file)
        if verdict.passed:
            starting.remember(which.name, file)
        passed = passed and verdict.passed
        _show(verdict, spoken)
    if not passed:
        raise typer.Exit(1)


def _show(verdict: grading.Verdict, spoken: str) -> None:
    colour, key = ("green", "right") if verdict.passed else ("red", "not_yet")
    say(f"[bold]{verdict.exercise}[/bold]: [{colour}]{word('labels', key, spoken)}[/{colour}]")
    text = "\n".join(lines(verdict, spoken, min(80, console.width)))
    console.print(text, markup=False, soft_wrap=True)


@learn.command()
def grade(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A sub-folder or a file for each student.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV file to write; it is replaced.")] = Path("grades.csv"),
    exercise: Annotated[
        str | None, typer.Option(help="The exercise that all files are for.", autocompletion=exercise_names)
    ] = None,
    wide: Annotated[bool, typer.Option("--wide", help="A row for each student, a column for each exercise.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Files graded at once. Default: one for each processor.")] = None,
    lang: Lang = None,
) -> None:
    """Grade a class into a CSV file: who has passed what, and what is wrong, in words."""
    spoken = language(lang or context.obj)
    if exercise is not None:
        load(exercise)
    found = classes.hand_ins(folder, exercise)
    need_place(output)
    if moving():
        from rich.progress import Progress

        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("grading", total=len(found))
            grades = list(classes.grade(found, jobs, lambda: bar.advance(task)))
    else:
        grades = list(classes.grade(found, jobs))
    write_atomically(output, classes.as_csv(grades, spoken, wide).encode("utf-8-sig"))  # by its mark Excel knows UTF-8
    sheet = Sheet([Column("student", text=True), Column("passed"), Column("handed in")])
    for student, passed in classes.by_student(grades).items():
        sheet.add(student, str(sum(passed.values())), str(len(passed)))
    sheet.show(console)
    say(f"Wrote {escape(str(output))}")
