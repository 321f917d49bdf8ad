"""Commands for people who write worker task templates: ``review-desk template check`` and ``serve``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import click

from review_desk import strict_json
from review_desk.cli.common import plain_errors
from review_desk.settings import Settings
from review_desk.templates.lint import NO_INPUT, lint

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(help="Worker task templates: check and preview them before a flow definition uses them.")
def template() -> None:
    pass


@template.command(
    "check",
    help="Say what is wrong with the template FILE, one line a finding: FILE:LINE: level: text. The exit status is "
    "1 if there are errors.",
)
@click.argument("file", type=FILE)
@click.option(
    "--input",
    "input_file",
    type=FILE,
    help="A sample of the human loop's InputContent (JSON); the template is rendered with it, too.",
)
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@click.pass_context
@plain_errors
def check_template(context: click.Context, file: Path, input_file: Path | None, strict: bool) -> None:
    task_input = NO_INPUT if input_file is None else _read_input(input_file)
    findings = lint(read_template(file), task_input, crowd_script=Settings().crowd_script)
    levels = {"error" if strict else finding.level for finding in findings}
    for finding in findings:
        click.echo(f"{file}:{finding.line}: {'error' if strict else finding.level}: {finding.text}")
    if not findings:
        click.echo(f"{file}: nothing found.")
    context.exit(1 if "error" in levels else 0)


@template.command(
    "serve",
    help="Preview the template FILE in a browser, in the same frame as in the portal, beside the answer it would "
    "submit. The page reloads when FILE or the input changes. Listens on 127.0.0.1 until interrupted.",
)
@click.argument("file", type=FILE)
@click.option(
    "--input",
    "input_file",
    type=FILE,
    required=True,
    help="A sample of the human loop's InputContent (JSON).",
)
@click.option(
    "--documents",
    type=FOLDER,
    help="Folder that stands for S3: s3://bucket/key is DIR/bucket/key, or DIR/key. Without it documents are missing.",
)
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--open", "opens", is_flag=True, help="Open the preview in the browser.")
@plain_errors
def serve_template(file: Path, input_file: Path, documents: Path | None, port: int, opens: bool) -> None:
    import uvicorn

    from review_desk.cli.template_preview import Preview, create_preview

    preview = Preview(file, input_file, documents, Settings().crowd_script)
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise click.ClickException(f"Port {port} cannot be listened on: {error.strerror}.") from error
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    click.echo(f"{file} is shown at {address}/ (Ctrl+C ends)")
    if opens:
        click.launch(f"{address}/")
    config = uvicorn.Config(
        create_preview(preview, address), log_level="warning", ws="none", server_header=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])


def read_template(file: Path) -> str:
    """Read a template; it is UTF-8.

    :raises click.ClickException: it is not.
    """
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8: {error.reason} at byte {error.start}.") from error


def _read_input(file: Path) -> Any:
    try:
        return strict_json.parse(file.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{file} is not the JSON of an input: {error}") from error
