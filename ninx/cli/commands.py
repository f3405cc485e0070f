"""The commands by name, and what they have in common: help, version, Ctrl-C."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from .checking import check_network
from .claims import show_claims
from .comparing import compare_runs, show_runs
from .console import say
from .costs import summarize
from .explaining import explain_network
from .exporting import export_network
from .graphs import draw_graph
from .lab import lab
from .learning import learn
from .lists import show_data, show_models, show_recipes
from .machine import bench, doctor
from .mapping import show_maps
from .ranks import check_command
from .reporting import write_report
from .training import train
from .using import evaluate_run, predict
from .warming import warm_up


class _Stoppable(TyperGroup):
    """Ctrl-C ends a command in a word, and with the exit code that a shell expects."""

    def invoke(self, ctx: Any) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("\nStopped.")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Stoppable,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train and use Networks in Networks, on an engine written from scratch.\n\n"
    "[bold]ninx train[/bold] with nothing else trains a network on 4,000 handwritten digits that come with the package, in a few "
    "minutes; [bold]ninx predict[/bold] then reads digits from your own images.",
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"ninx {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    check_command(context.invoked_subcommand)


app.command()(train)
app.command("eval")(evaluate_run)
app.command()(predict)
app.command("maps")(show_maps)
app.command("runs")(show_runs)
app.command("compare")(compare_runs)
app.command("report")(write_report)
app.command("check")(check_network)
app.command("explain")(explain_network)
app.command("export")(export_network)
app.command("models")(show_models)
app.command("summary")(summarize)
app.command("graph")(draw_graph)
app.command("data")(show_data)
app.command("recipes")(show_recipes)
app.command("claims")(show_claims)
app.command()(doctor)
app.command()(bench)
app.add_typer(lab, name="lab")
app.add_typer(learn, name="learn")
app.command("warm-up")(warm_up)
