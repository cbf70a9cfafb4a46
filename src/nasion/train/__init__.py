"""Training: needs torch and Lightning (`pip install 'nasion[train]'`).

config.py   every setting of a run; recipes/ holds the TOML files     jobs.py    train or resume a run, with its report
sweep.py    several runs side by side                                 data/      faces, batches, augmentation
network/    the network and its parts                                 loop/      the training loop
runs/       run folders and weights                                   export/    trained networks as .onnx files
checkpoint.py   reading and writing weights                           cross_fit.py   uncertainty from left-out faces
"""
