"""The studio: a local web page and an HTTP interface.

albums/              folders that are open for labeling: images, labels, progress, history, import and export
clips.py             clips whose faces are tracked in the background, in temporary files
exports.py           predictions as the files that `nasion predict` writes
comparison.py        the initial and the trained model on the faces that a training holds out
connections.py       a time limit for requests that never end
training_process.py  a training in a separate process, watched through its run folder
trained_models.py    the models that trainings in a folder have written
server/              the HTTP server: access control, a single-worker queue that answers 429 when full, and the routes
pages/               the page: plain HTML, CSS and JavaScript modules; no build step, nothing from other servers:
                     a shell (index.html, main.js), a folder for each tab, shared modules and styles
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasion.studio.albums.opening import open_album
    from nasion.studio.server.app import ServerSettings, build

__all__ = ["ServerSettings", "build", "open_album"]

_HOMES = {"open_album": "albums.opening", "ServerSettings": "server.app", "build": "server.app"}
"""The module of each public name. It is imported at the first use, because the page is served before it is needed."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'nasion.studio' has no attribute {name!r}")
    return getattr(import_module(f"nasion.studio.{_HOMES[name]}"), name)
