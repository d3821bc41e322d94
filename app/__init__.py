"""The server of Rhoscope: turns an Experiment into frames. See README.md."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("rhoscope")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+checkout"
