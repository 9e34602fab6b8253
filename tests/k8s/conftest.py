"""The real API server, and the client through its probe."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)
