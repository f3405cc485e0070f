"""Where the tests stand: for those that read files of the project, and for processes of their own that import from the rooms."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
PYTHONPATH = os.pathsep.join(str(room) for room in sorted(TESTS.iterdir()) if room.is_dir())
