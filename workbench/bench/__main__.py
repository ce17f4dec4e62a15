"""`python -m workbench.bench …`."""

import sys

from workbench.bench.cli import main

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
