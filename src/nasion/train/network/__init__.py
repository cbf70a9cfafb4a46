"""The network and its parts.

network.py      the complete network: crops in, keypoints out        registry.py      models, codecs and losses by name
interfaces.py   what models, codecs and losses provide               frame.py         normalized coordinates in torch
spread.py       the learned uncertainty                              decode_floor.py  the error of decoding alone
models/, codecs/, losses/: one file each
labels/         how labels enter the loss: offsets of their sources, errors along contours
"""
