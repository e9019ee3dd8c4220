"""What the scripts share, and the only place that knows a terminal: commands, progress, tables.

Every script needs the extra `agents`: where it is missing, importing this says so in one line.
"""

import sys

try:
    import rich  # noqa: F401  (imported for its absence)
    import tyro
except ImportError as missing:
    sys.exit(f'Error: {missing}. The scripts need an extra: pip install -e ".[agents]"')

__all__ = ["tyro"]
