"""Which versions a result was made with."""

from __future__ import annotations

import importlib.metadata
import platform

from app import __version__
from rnncore import native

# The packages that decide bits; regex, with its Unicode, what is a token.
OF_NUMBERS = ("torch", "numpy", "scipy", "regex")
PACKAGES = (*OF_NUMBERS, "fastapi", "starlette", "uvicorn", "pydantic", "safetensors")


def versions() -> dict[str, str]:
    """Rhoscope, Python, the packages that compute, and the loops in use."""
    packages = {name: importlib.metadata.version(name) for name in OF_NUMBERS}
    return {
        "rhoscope": __version__,
        "python": platform.python_version(),
        **packages,
        "loops": native.status(),
    }
