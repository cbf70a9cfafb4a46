"""The studio: a local web page and a small HTTP interface on the same `Predictor` as everything else.

app.py      the routes: what can be asked and what comes back
guard.py    who may ask, and how much: hosts, origins, the token, sizes
desk.py     one picture at a time, a queue, and a clear no when it is full
pages/      the page itself: plain HTML, CSS and modules, no build step, nothing from elsewhere
"""

from nasion.studio.app import Settings, build

__all__ = ["Settings", "build"]
