"""The part of the server that labels folders.

open_albums.py   the albums that are open, one per folder       album_routes.py   folders, images, import, export
suggestions.py   points for faces that have no labels yet       image_routes.py   labels of one image
scan.py          looks for uncertain images in the background   schemas.py        the JSON objects
thumbnails.py    small images, kept in memory
"""
