"""``ninx claims``: what is said about Network in Network, and what is true of it."""

from __future__ import annotations

import json as json_text
from contextlib import nullcontext
from typing import Annotated

import typer

from ..study import claims
from ..study.claims.telling import WIDTH
from .complete import claim_names
from .console import console, moving


def show_claims(
    claim: Annotated[
        str | None, typer.Argument(metavar="ID", help="Tell this claim as a story, with its code.", autocompletion=claim_names)
    ] = None,
    lang: Annotated[str, typer.Option(help="The language of the words: en or zh.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, for programs.")] = False,
) -> None:
    """Test what sources claim about Network in Network: true, false, half true, or not to be known. All of it is computed now."""
    with console.status("testing") if moving() and not json else nullcontext():
        answers = claims.check_all(lang) if claim is None else claims.Answers([claims.check(claim, lang)])
    if json:
        data = [answer.as_data() for answer in answers]
        _lines(json_text.dumps(data if claim is None else data[0], indent=1))
    elif claim is None:
        answers.sheet().show(console)
    else:
        _lines("\n".join([*answers[0].story(min(WIDTH, console.width)), "", answers[0].code.rstrip()]))


def _lines(text: str) -> None:
    """Text whose lines are already broken as they should be."""
    console.print(text, markup=False, soft_wrap=True)
