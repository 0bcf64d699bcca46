"""The command line: ``python -m ntk_sklearn compare``."""

import sys

from .comparison.cli import main

if __name__ == "__main__":
    sys.exit(main())
