"""What every script needs of the extra `agents`: where it is missing, one line says so."""

import sys

try:
    import rich  # noqa: F401  (imported for its absence)
    import tyro
except ImportError as missing:
    sys.exit(f'Error: {missing}. The scripts need an extra: pip install -e ".[agents]"')

__all__ = ["tyro"]
