"""A worker: it says that it is ready, and predicts batches as the predictor does."""

import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("fsspec")

from nasion.bulk.cluster.worker import BulkWorker  # noqa: E402
from nasion.bulk.output import Output  # noqa: E402
from nasion.bulk.packing import pack  # noqa: E402
from nasion.bulk.progress import ready_name  # noqa: E402
from nasion.predict.predictor import Predictor  # noqa: E402


def test_a_worker_is_ready_and_predicts(folder, tmp_path, packaged_detector):
    packed = pack(Predictor("tiny", packaged_detector), "tiny", {"min_score": 0.0, "max_spread": None})
    address = str(tmp_path / "out")
    worker = BulkWorker(packed, False, address, 1)
    assert Output(address).read_json(ready_name(1))["time"] > 0
    paths = sorted(map(str, folder.iterdir()))
    table = worker(pa.table({"id": [f"n{k}" for k in range(len(paths))], "path": paths}))
    assert table.column("id").to_pylist() == [f"n{k}" for k in range(len(paths))]
