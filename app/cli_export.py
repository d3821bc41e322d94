"""`rhoscope export`: one HTML file with recorded runs, made here and now without a server."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.settings import LECTURE_BYTES


def export(
    experiment: Annotated[
        str,
        typer.Argument(
            help="A link or its hash, a JSON file, or a lesson; '' is the opening view."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")] = Path(
        "lecture.html"
    ),
    rho_values: Annotated[
        str | None,
        typer.Option(help="ρ to record: 0.5,0.9,1 or start:end:step; unsaid, as many as fit."),
    ] = None,
    over: Annotated[
        str | None,
        typer.Option(help="A second parameter: FIELD=value,value,…, a field as links name it."),
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(help="Views to record beside those that are open: influence,powers,…"),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    live: Annotated[
        str | None, typer.Option(help="Address of the live page, for what isn't recorded.")
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="The largest file.")] = LECTURE_BYTES,
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
) -> None:
    """Write one HTML file that works without a server: recorded runs in the page itself.

    Its size is said before it is written.
    """
    # Loading torch takes seconds: only after everything that can be wrong before it.
    _check_output(output, force)
    from app.assets import MissingAsset, Plotly, frontend_folder
    from app.device import chosen_device
    from app.engine import RunEngine
    from app.errors import Refusal
    from app.grid import over_from, radii_from, with_own
    from app.lecture import lecture, megabytes, source_of, wants_of
    from app.offline_page import shell_of
    from app.recording import Wish
    from app.server import files_of
    from app.settings import Settings

    settings = Settings()
    device = chosen_device(settings.device)
    engine = RunEngine(device, settings.cache_bytes, files_of(settings))
    try:
        source = source_of(experiment)
        second = with_own(over_from(over), source.scenes[0].experiment) if over else None
        wish = Wish(
            source.scenes,
            radii_from(rho_values) if rho_values else None,
            second,
            wants_of(views or ""),
        )
        made = lecture(
            source.named(title, live),
            wish,
            lambda one, plan, _: engine.run(one, plan, lambda: False),
            settings,
            device,
            shell_of(frontend_folder(), Plotly().file),
            max_bytes=max_bytes,
            on_progress=_show_progress,
        )
    except (Refusal, MissingAsset) as refused:
        _refuse(str(refused))
    finally:
        _clear_line()
    typer.echo(f"{output}: {made.size}, of at most {megabytes(max_bytes)}")
    for line in made.contains:
        typer.echo(line)
    try:
        _write(output, made.content)
    except OSError as error:
        _refuse(f"the file cannot be written: got {output} ({error.strerror}); expected a place.")


def _check_output(output: Path, force: bool) -> None:
    if output.is_dir() or not output.parent.is_dir():
        _refuse(f"the output cannot be written: got {output}; expected a file in a folder.")
    if output.exists() and not force:
        _refuse(f"the output exists: got {output}; expected a new file. Add --force to replace it.")


def _write(output: Path, content: bytes) -> None:
    """Writes the file whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=output.parent, prefix=".rhoscope-", delete=False) as made:
        try:
            made.write(content)
            made.close()
            os.chmod(made.name, 0o644)
            os.replace(made.name, output)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise


def _show_progress(done: int, of: int, nbytes: int) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\rrun {done} of {of}, {nbytes / 1e6:.1f} MB ", nl=False, err=True)


def _clear_line() -> None:
    if sys.stderr.isatty():
        typer.echo("\r\033[K", nl=False, err=True)


def _refuse(message: str) -> NoReturn:
    typer.echo(f"rhoscope: {message}", err=True)
    raise typer.Exit(2)
