"""The HTTP server of the studio.

app.py             builds the application             schemas.py        the JSON objects
faces/             predict, match, export, video      encoding.py       images in responses
train_routes.py    train on an open folder            errors.py         errors as one line of JSON
page_routes.py     the page                           state.py          settings and shared state
access.py          access control                     loaded_models.py  models, loaded at first use
job_queue.py       one worker and its queue           albums/           folders that are open for labeling
"""
