"""`python -m engine.cli`, the same as `seedpilot`."""

from engine.cli import main

main()
