"""The studio: a page on this machine."""

import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nasion.cli.images import Weights, make_predictor
from nasion.cli.screen import say
from nasion.errors import ConfigError
from nasion.predict import model_zoo as models

__all__ = ["COMMANDS"]

PATIENCE_S = 10
MOST_AT_ONCE = 256


def serve(
    folder: Annotated[
        str | None, typer.Argument(help="a folder of pictures, or labels as format:source, to correct and to train on")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="a model's name, an .onnx file or a run folder; the first is used first"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="address to listen on; beyond this machine a token is needed")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free")] = 8008,
    token: Annotated[str | None, typer.Option(help="what must be shown; else one is made where it is needed")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="open the page in a browser")] = False,
    detector_weights: Weights = None,
) -> None:
    """Open the studio: a page to try, match, correct and train, and an HTTP interface for programs."""
    try:
        import uvicorn

        from nasion.studio import ServerSettings, build, open_album
        from nasion.studio.server.access import is_local
    except ImportError as error:
        raise ConfigError(f"the studio needs FastAPI and uvicorn ({error}); pip install 'nasion[studio]'") from None
    extra = _named(model or ())
    if token is None and not is_local(host):
        token = secrets.token_urlsafe(18)
    # what is wrong with any of them is said now
    predictor, *_ = [make_predictor(each, detector_weights) for each in model or [models.DEFAULT]]
    album = None if folder is None else open_album(folder, predictor.skeleton)
    app = build(ServerSettings(token), lambda name: make_predictor(name, detector_weights), extra, album)
    listener = _listener(host, port)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    place = f"http://{shown}:{listener.getsockname()[1]}/"
    address = f"{place}?token={token}" if token else place
    say(f"the studio: {address}   (Ctrl-C ends it; {place}docs says what programs can ask)")
    if open_page:
        typer.launch(address)
    settings = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    settings.timeout_keep_alive = settings.timeout_graceful_shutdown = PATIENCE_S
    settings.limit_concurrency = MOST_AT_ONCE
    uvicorn.Server(settings).run(sockets=[listener])


def _named(places: Sequence[str]) -> dict[str, str]:
    """Return what models are called, in the order in which they were given.

    Raises:
        ConfigError: two are called alike.
    """
    named: dict[str, str] = {}
    for place in places:
        path = Path(place)
        name = path.resolve().name if path.is_dir() else path.stem if path.suffix == ".onnx" else place
        if named.setdefault(name, place) != place:
            raise ConfigError(f'two models are called "{name}": {named[name]} and {place}; rename one')
    return named


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # a browser that is opened now waits
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot listen on {host}, port {port} ({reason}); choose another --port or --host") from None
    return listener


COMMANDS = (serve,)
