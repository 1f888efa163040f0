"""Pilots: plan one, see all, look at one."""
