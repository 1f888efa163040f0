"""SeedPilot's engine: everything the pages and the command line do, without either of them.

Importing any module here defines things and does nothing else. The rooms and their one-way
imports are drawn in docs/architecture.md and checked by import-linter.
"""
