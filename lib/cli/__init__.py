"""The `seeing` command: make footage, run a chapter, build the book, use what it trained.

Heavy libraries are imported inside the commands, so that ``seeing --help`` answers at once.
"""

import typer

from lib.cli import book, chapters, classify, footage, importing, track

app = typer.Typer(
    name="seeing",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "**Seeing Games**: what neural networks learn from game pixels, "
        "as a book that runs.\n\n"
        "Read the book, run one chapter on your own footage, make footage to try it with, or use a "
        "network it trained. "
        "The help of each command shows examples."
    ),
    epilog="Start with `seeing run 4`, or build everything with `seeing book`.",
)
app.command("run", rich_help_panel="Chapters", epilog=chapters.EXAMPLES)(chapters.run)
app.command("book", rich_help_panel="Chapters", epilog=book.EXAMPLES)(book.book)
app.command("classify", rich_help_panel="Networks", epilog=classify.EXAMPLES)(classify.classify)
app.command("track", rich_help_panel="Networks", epilog=track.EXAMPLES)(track.track)
footage.app.command("import", epilog=importing.EXAMPLES)(importing.import_footage)
app.add_typer(footage.app, name="footage", rich_help_panel="Footage")

__all__ = ["app"]
