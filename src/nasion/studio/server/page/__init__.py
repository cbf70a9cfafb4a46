"""The page, which the server offers before anything else.

page_files.py    the files         page_routes.py    their routes
starting.py      the first second of the server: the page without the rest
"""
