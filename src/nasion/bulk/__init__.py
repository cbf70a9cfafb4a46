"""Millions of images: `BulkPredictor` for any engine, and a job on Ray Data that can be killed and resumed.

predictor.py   batches of image paths → tables          video.py      batches of videos → tables
schema.py      the columns of both tables               reading.py    files of disks and buckets, with retries
sources.py     manifests, folders, addresses            output.py     tables, and what is committed
packing.py     a model as bytes, for other machines     progress.py   counts, rates, the heartbeat
job.py         the job on Ray Data                      evaluation.py evaluation on Ray
cluster/       Ray itself, and what its processes do
"""

from nasion.bulk.predictor import BulkPredictor
from nasion.bulk.video import BulkVideoPredictor

__all__ = ["BulkPredictor", "BulkVideoPredictor"]
