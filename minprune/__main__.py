"""``python -m minprune`` is ``minprune``."""

import sys

from minprune.cli import main

sys.exit(main())
