"""Lets the tests here import the torture's own modules, which run as a program."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
