"""Benchmarks, one module each; `seedpilot bench NAME` runs one and says on what machine.

Each module can be run by itself (`python -m benchmarks.NAME`): it prints one JSON list of rows on standard
output, says how it goes on standard error, and compares with its rivals in the same run.
"""
