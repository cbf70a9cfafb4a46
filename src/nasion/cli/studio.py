"""The command for the web studio."""

from __future__ import annotations  # some types are imported for the type checker only

import secrets
import socket
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasion.cli.options import DeviceOption, WeightsOption, make_predictor
from nasion.cli.screen import notice, say
from nasion.errors import ConfigError
from nasion.predict import model_zoo
from nasion.predict.backends.devices import AUTO

if TYPE_CHECKING:
    from nasion.predict.predictor import Predictor
    from nasion.studio.server.access import AccessControl
    from nasion.studio.server.page.starting import Starting

__all__ = ["serve"]

TIMEOUT_S = 10
"""How long idle connections stay open, and how long running requests may take after Ctrl-C."""

MAX_CONNECTIONS = 256
"""Connections that are served at the same time, besides those that wait for the rest of a request."""

MIN_TOKEN = 16
"""Smallest length of a token that a user chooses for access from other machines: shorter ones can be guessed."""

ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="a model's name, an .onnx file or a run folder; may be repeated; the first is the default",
        metavar="MODEL",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        help="access token; generated if the host is not local. Without one, all users of this machine have access",
        metavar="TOKEN",
    ),
]


def serve(
    folder: Annotated[
        str | None,
        typer.Argument(help="a folder of images, or labels as format:source, to label and train on", metavar="FOLDER"),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="folder below which the page may open folders; default: FOLDER", metavar="FOLDER"),
    ] = None,
    model: ModelsOption = None,
    host: Annotated[
        str, typer.Option(help="address to listen on; other than localhost requires a token", metavar="HOST")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 chooses a free port", metavar="PORT")] = 8008,
    token: TokenOption = None,
    open_page: Annotated[bool, typer.Option("--open", help="open the page in a browser")] = False,
    device: DeviceOption = AUTO,
    detector_weights: WeightsOption = None,
) -> None:
    """Open the web studio, which corrects labels, and the HTTP API.

    Examples:
        nasion serve --open
        nasion serve faces/ --model runs/mine
        nasion serve --root ~/Pictures
        nasion serve 'csv:found/keypoints.csv?images=.'
    """
    _require_studio_extra()
    from nasion.studio.server.access import is_local
    from nasion.studio.server.page.starting import Starting

    names = _names(model or ())
    if not is_local(host):
        token = _token(token)

    def make(name: str) -> Predictor:
        return make_predictor(name, detector_weights, device=device)

    def load() -> AccessControl:
        return _application(token, make, names, folder, root)

    app = Starting(load, token)
    if folder is not None or root is not None or model or detector_weights is not None or device != AUTO:
        app.load()  # errors of the arguments appear before the server starts
    listener = _listener(host, port)
    address = _announce(host, listener.getsockname()[1], token)
    if open_page:
        typer.launch(address)
    _run(app, listener)


def _require_studio_extra() -> None:
    """Check that FastAPI and uvicorn are installed, without importing FastAPI, which takes long.

    Raises:
        ConfigError: one of them is not.
    """
    for name in ("fastapi", "uvicorn"):
        if find_spec(name) is None:
            raise ConfigError(f"the studio needs {name}, which is not installed; pip install 'nasion[studio]'")


def _application(
    token: str | None,
    make: Callable[[str], Predictor],
    names: dict[str, str],
    folder: str | None,
    root: Path | None,
) -> AccessControl:
    """Return the server's application; all given models are loaded.

    Raises:
        NasionError: a model, the folder or the root cannot be used.
    """
    from nasion.studio import ServerSettings, build, open_album

    loaded = {each: make(each) for each in dict.fromkeys([*names.values()] or [model_zoo.DEFAULT])}
    skeleton = next(iter(loaded.values())).skeleton
    album = None if folder is None else open_album(folder, skeleton)
    settings = ServerSettings(token, warm_up=True)
    return build(settings, lambda name: loaded.pop(name, None) or make(name), names, album, root and root.expanduser())


def _run(app: Starting, listener: socket.socket) -> None:
    """Answer requests until Ctrl-C.

    Raises:
        NasionError: the application could not be loaded.
    """
    import uvicorn

    from nasion.studio.connections import MAX_INCOMPLETE, bounded_protocol

    # A line for every invalid request would fill the screen; errors of the server itself are shown.
    settings = uvicorn.Config(
        app, http=bounded_protocol(), ws="none", log_level="error", access_log=False, server_header=False
    )
    settings.timeout_keep_alive = settings.timeout_graceful_shutdown = TIMEOUT_S
    settings.limit_concurrency = MAX_CONNECTIONS + MAX_INCOMPLETE
    server = uvicorn.Server(settings)
    app.on_error = lambda: setattr(server, "should_exit", True)
    server.run(sockets=[listener])
    if app.error is not None:
        raise app.error


def _announce(host: str, port: int, token: str | None) -> str:
    """Print the address of the server, and return it."""
    from nasion.studio.server.access import is_local

    everywhere = host in ("0.0.0.0", "::")  # noqa: S104
    shown = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    place = f"http://{shown}:{port}/"
    address = f"{place}?token={token}" if token else place
    say(f"studio: {address}   (Ctrl-C stops it; HTTP API: {place}docs)")
    if not is_local(host):
        notice("images and token are not encrypted: use a network you trust, or a proxy with TLS")
    return address


def _token(chosen: str | None) -> str:
    """Return the token for access from other machines: the user's, or a random one.

    Raises:
        ConfigError: the user's is too short.
    """
    if chosen is not None and len(chosen) < MIN_TOKEN:
        raise ConfigError(
            f"--token has {len(chosen)} characters; give at least {MIN_TOKEN}, or omit it for a random one"
        )
    return secrets.token_urlsafe(18) if chosen is None else chosen


def _names(places: Sequence[str]) -> dict[str, str]:
    """Return the models' names with their files or folders, in the given order.

    Raises:
        ConfigError: two have the same name.
    """
    names: dict[str, str] = {}
    for place in places:
        path = Path(place)
        name = path.resolve().name if path.is_dir() else path.stem if path.suffix == ".onnx" else place
        if names.setdefault(name, place) != place:
            raise ConfigError(f'two models have the name "{name}": {names[name]} and {place}; rename one')
    return names


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # from now on a browser waits instead of failing
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot listen on {host}, port {port} ({reason}); choose another --port or --host") from None
    return listener
