"""Run folders and trained weights.

run_folder.py      run.json, the checkpoints' paths, locking    exported_weights.py   the weights of an .onnx file
torch_backend.py   a run folder as a `Backend`                  folded_weights.py     folding and unfolding batch norms
warm_start.py      the initial weights of a training        wider_weights.py   trained weights in a wider network
average.py         the average of two networks              calibration.py     the uncertainty of another run
"""
