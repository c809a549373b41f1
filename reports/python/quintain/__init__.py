"""Quintain: simulation and conformance test harness for sync and async function execution.

The package carries the program `quintain`. The module `quintain.report` loads its JSON reports into
pandas.
"""

from importlib import metadata

try:
    __version__ = metadata.version("quintain")
except metadata.PackageNotFoundError:  # imported from the source folder
    __version__ = "0"
