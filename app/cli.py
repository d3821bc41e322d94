"""The command: `rhoscope`, which is `rhoscope serve`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from app.cli_export import export
from app.settings import Settings, flag, variable

USAGE_ERROR = 2
PORT_TAKEN = 3
UNWELL = 1


class _ServeByDefault(TyperGroup):
    """`rhoscope --port 0` means `rhoscope serve --port 0`, and help is that of serving."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--version"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


cli = typer.Typer(
    cls=_ServeByDefault,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from app import __version__

        typer.echo(f"rhoscope {__version__}")
        raise typer.Exit


@cli.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Rhoscope shows a recurrent network run, step by step, in your browser."""


def _option(field: str, *, hint: str | None = None) -> Any:
    """The option of a setting; its text is the setting's own."""
    info = Settings.model_fields[field]
    help_text = f"{info.description} [env: {variable(field)}]"
    if info.default not in (None, (), "") and info.default_factory is None:
        help_text += f" [default: {info.default}]"
    elif info.default_factory is not None:
        help_text += " [default: one per processor]"
    names = [flag(field)] if field != "open" else ["--open/--no-open"]
    return typer.Option(*names, help=help_text, metavar=hint, show_default=False)


@cli.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[int | None, _option("port")] = None,
    device: Annotated[str | None, _option("device", hint="auto|cpu|cuda")] = None,
    open: Annotated[bool | None, _option("open")] = None,
    workers: Annotated[int | None, _option("workers")] = None,
    log_level: Annotated[str | None, _option("log_level", hint="LEVEL")] = None,
    log_format: Annotated[str | None, _option("log_format", hint="text|json")] = None,
    metrics: Annotated[str | None, _option("metrics", hint="local|all|off")] = None,
    root_path: Annotated[str | None, _option("root_path", hint="PREFIX")] = None,
    frame_ancestors: Annotated[list[str] | None, _option("frame_ancestors", hint="WHO")] = None,
    max_hidden: Annotated[int | None, _option("max_hidden")] = None,
    max_steps: Annotated[int | None, _option("max_steps")] = None,
    max_input: Annotated[int | None, _option("max_input")] = None,
    max_output: Annotated[int | None, _option("max_output")] = None,
    max_batch: Annotated[int | None, _option("max_batch")] = None,
    max_attention_steps: Annotated[int | None, _option("max_attention_steps")] = None,
    max_layers: Annotated[int | None, _option("max_layers")] = None,
    max_text: Annotated[int | None, _option("max_text")] = None,
    max_edits: Annotated[int | None, _option("max_edits")] = None,
    max_message_bytes: Annotated[int | None, _option("max_message_bytes")] = None,
    max_result_bytes: Annotated[int | None, _option("max_result_bytes")] = None,
    max_memory_bytes: Annotated[int | None, _option("max_memory_bytes")] = None,
    max_sessions: Annotated[int | None, _option("max_sessions")] = None,
    max_jobs: Annotated[int | None, _option("max_jobs")] = None,
    send_timeout_s: Annotated[float | None, _option("send_timeout_s")] = None,
    cache_bytes: Annotated[int | None, _option("cache_bytes")] = None,
    upload_folder: Annotated[str | None, _option("upload_folder", hint="FOLDER")] = None,
    max_upload_bytes: Annotated[int | None, _option("max_upload_bytes")] = None,
    max_uploads_bytes: Annotated[int | None, _option("max_uploads_bytes")] = None,
    lessons: Annotated[list[Path] | None, _option("lessons", hint="DIR")] = None,
    allow_origin: Annotated[list[str] | None, _option("allow_origin", hint="ORIGIN")] = None,
    allowed_host: Annotated[list[str] | None, _option("allowed_host", hint="NAME")] = None,
) -> None:
    """Start the server and open the page. This is what `rhoscope` alone does.

    `rhoscope open FILE` starts with a network of your own; `rhoscope lessons DIR` checks lessons of
    your own; `rhoscope export LINK` writes a page that needs no server; `rhoscope doctor` says what
    is installed and tests it.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    raise typer.Exit(_serve(_settings(given)))


@cli.command("open")
def open_file(
    file: Annotated[Path, typer.Argument(help="safetensors, npz, npy, JSON or CSV.")],
    layer: Annotated[
        int | None, typer.Option(help="One of its recurrent layers, from 0; unsaid, all of them.")
    ] = None,
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[int | None, _option("port")] = None,
    device: Annotated[str | None, _option("device", hint="auto|cpu|cuda")] = None,
    open: Annotated[bool | None, _option("open")] = None,
    upload_folder: Annotated[str | None, _option("upload_folder", hint="FOLDER")] = None,
) -> None:
    """Start the server and open a network, or an input, from a file.

    Other settings of the server are taken from their environment variables.
    """
    flags = {"host": host, "port": port, "device": device, "open": open}
    given = flags | {"upload_folder": upload_folder}
    settings = _settings({name: value for name, value in given.items() if value is not None})
    raise typer.Exit(_serve(settings, _link_to(file, layer, settings)))


cli.command()(export)


@cli.command()
def lessons(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="With lessons, or one; unsaid, those that come along.", metavar="DIR"),
    ] = None,
    device: Annotated[str | None, _option("device", hint="auto|cpu|cuda")] = None,
) -> None:
    """Check lessons: every mistake with its file and line, every number against its run."""
    settings = _settings({"device": device} if device else {})
    from app.lessons.check import report

    problems = False
    for line in report(folders or [], settings):
        problems |= line.is_problem
        typer.echo(line.text, err=line.is_problem)
    raise typer.Exit(UNWELL if problems else 0)


@cli.command()
def doctor(
    context: typer.Context,
    device: Annotated[str | None, _option("device", hint="auto|cpu|cuda")] = None,
) -> None:
    """Say what is installed, test that it computes right numbers, and how fast."""
    given = {name: value for name, value in context.params.items() if value is not None}
    settings = _settings(given)
    from app.doctor import Unwell, report

    try:
        for name, found in report(settings):
            typer.echo(f"{name:<10} {found}")
    except Unwell as error:
        _refuse(str(error), UNWELL)


def _settings(given: dict[str, Any]) -> Settings:
    """Flags first, then the environment, then the defaults."""
    try:
        return Settings(**given)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        field = str(detail["loc"][0])
        expected = detail["msg"].removeprefix("Input should be ")
        _refuse(
            f"{field} is not valid: got {detail['input']!r}; expected {expected}. "
            f"Mend {flag(field)} or {variable(field)}."
        )


def _link_to(file: Path, layer: int | None, settings: Settings) -> str:
    """Keeps the file where the server looks for it; the link that opens it."""
    from app.errors import Refusal
    from app.found import experiment_of, found_file
    from app.link import write_link
    from app.server import files_of

    try:
        if file.exists() and not file.is_file():
            _refuse(f"the file cannot be read: got {file}, which is none; expected a file.")
        size = file.stat().st_size
        if size > settings.max_upload_bytes:
            _refuse(
                f"the file is too large: got {size} bytes; expected at most "
                f"{settings.max_upload_bytes}. Set {variable('max_upload_bytes')} to raise the "
                "limit."
            )
        digest, opened = files_of(settings).keep(file.read_bytes())
        found = found_file(digest, opened, settings)
        return write_link(experiment_of(found, layer))
    except OSError as error:
        _refuse(f"the file cannot be read: got {file} ({error.strerror}); expected a file.")
    except Refusal as refused:
        _refuse(str(refused))


def _serve(settings: Settings, link: str = "") -> int:
    # Loading torch takes seconds: only after everything that can be wrong before it.
    from app.ports import PortTaken, listening_socket

    try:
        listener = listening_socket(settings.host, settings.port)
    except PortTaken as taken:
        _refuse(str(taken), PORT_TAKEN)
    except (OSError, UnicodeError) as error:
        _refuse(
            f"the address cannot be used: got {settings.host} port {settings.port} ({error}); "
            "expected an address of this machine and a port you may use. Mend --host or --port."
        )
    with listener:
        from app.assets import MissingAsset
        from app.running import serve_until_stopped
        from app.workers import serve_with_workers

        try:
            if settings.workers > 1:
                return serve_with_workers(settings, listener, link)
            return serve_until_stopped(settings, listener, link)
        except (ValueError, MissingAsset) as error:
            _refuse(str(error))


def _refuse(message: str, code: int = USAGE_ERROR) -> NoReturn:
    typer.echo(f"rhoscope: {message}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """The console script."""
    # The default of SIGTERM kills; stopping when asked is a success (exit 0).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cli(prog_name="rhoscope")
