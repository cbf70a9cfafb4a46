"""Give nasion many damaged and hostile inputs: `python tests/fuzz [--count 10000] [--seed 1] [--kind images ...]`.

Each input is a valid one of the tests with random changes. It must be accepted or rejected with one line, without a
traceback, in bounded time and memory, and without printing anything. The files of findings are kept in `--keep`. The
exit code is 1 if there are findings. The same seed gives the same inputs.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.remove(str(Path(__file__).parent)) if str(Path(__file__).parent) in sys.path else None

from fuzz.run import run_kinds  # noqa: E402

if __name__ == "__main__":
    sys.exit(run_kinds(sys.argv[1:]))
