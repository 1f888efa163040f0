"""The real app in Debian's chromium."""
