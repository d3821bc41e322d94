"""`python -m app` is `rhoscope`."""

from app.cli import main

main()
