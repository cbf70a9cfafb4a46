"""Training: needs torch and Lightning (`pip install 'nasion[train]'`)."""
