"""Decide: what to do, before anything is paid."""
