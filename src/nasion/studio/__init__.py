"""The studio: a local web page and a small HTTP interface on the same `Predictor` as everything else.

app.py         the application; what can be asked of any picture, and what comes back
correcting.py  what can be asked of the folder that is open for correction and training
album.py       that folder: its pictures, what is done, saving        labels.py   its files, by format
training.py    a training as a process that is watched                shelf.py     the models that are loaded
guard.py       who may ask, and how much: hosts, origins, the token, sizes
desk.py        one picture at a time, a queue, and a clear no when it is full
pages/         the page itself: plain HTML, CSS and modules, no build step, nothing from elsewhere
"""

from nasion.studio.album import open_album
from nasion.studio.server.app import ServerSettings, build

__all__ = ["ServerSettings", "build", "open_album"]
