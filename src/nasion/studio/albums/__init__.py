"""Folders that are open for labeling: their images, the labels, and what the user has done.

album.py           the images of a folder with their labels and states; saves without overwriting others' work
opening.py         opens a folder of images or a labeled data set
label_store.py     what an album needs from labels, and labels that stay in the files they came from
label_file.py      labels in nasion-labels.json, to which faces can be added
progress.py        which images are done, have no face, or were changed by hand
history.py         earlier labels of each image, for undo
folders.py         the folders below the root that the studio may open
starting_shape.py  where to place the points of a new skeleton in a face
point_names.py     names for points that a user places in a face
skeletons.py       new skeletons, made by clicking the points of a face
exchange.py        import and export of labels in the formats of other programs
"""
