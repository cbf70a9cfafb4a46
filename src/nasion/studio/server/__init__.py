"""The HTTP server of the studio.

app.py             builds the application             schemas.py        the JSON objects
faces/             predict, match, export, video      encoding.py       images in responses
train_routes.py    train on an open folder            errors.py         errors as one line of JSON
page_routes.py     the page                           state.py          settings and shared state
page_files.py      its files                          loaded_models.py  models, loaded at first use
access.py          access control                     albums/           folders that are open for labeling
job_queue.py       one worker and its queue           starting.py       the first second: the page without the rest
"""
