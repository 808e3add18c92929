"""``python -m faircore.cli``."""

import sys

from faircore.cli import main

if __name__ == "__main__":
    sys.exit(main())
