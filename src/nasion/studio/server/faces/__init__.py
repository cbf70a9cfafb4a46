"""Routes for images and clips that a client sends: nothing of them is kept, except a clip until it has been fetched.

predict_routes.py  health check, models, predict      export_routes.py  predictions as files
match_routes.py    two faces matched and morphed      video_routes.py   clips tracked in the background
uploads.py         image files in requests
"""
