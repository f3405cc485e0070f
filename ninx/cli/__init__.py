"""The command line. Only tables and progress: the work is done by the packages below it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. A mistake of the user ends in one sentence and exit code 2; --debug shows where it was found."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    try:
        from .ranks import one_voice

        one_voice()
        from .commands import app

        app(arguments)
    except KeyboardInterrupt:  # while the libraries were still being read
        sys.exit(130)
    except (ValueError, TypeError, IndexError, RuntimeError, OSError, ImportError, MemoryError) as error:
        from .ranks import failed

        failed(error)
        sys.exit(2)
    except Exception:  # a mistake of ours: Python shows where, and the other ranks may not wait for ever
        from .ranks import crashed

        crashed()
        raise
