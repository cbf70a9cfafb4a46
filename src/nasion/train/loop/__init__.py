"""The training loop.

fit.py           a run from its configuration to its weights      module.py     one step, one validation, the optimizer
callbacks.py     progress, curves, checkpoints, clean stop        hardware.py   processes, threads and number formats
time_budget.py   how long a training takes, before it starts
"""
