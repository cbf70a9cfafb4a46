"""The HTTP server of the studio.

app.py             builds the application             schemas.py        the JSON objects
faces/             predict, match, export, video      encoding.py       images in responses
albums/            folders open for labeling          errors.py         errors as one line of JSON
train_routes.py    train on an open folder            state.py          settings and shared state
page/              the page                           loaded_models.py  models, loaded at first use
access.py          access control                     job_queue.py      one worker and its queue
"""
