"""Teachers, one file each: everything that answers one request once, for a price or for nothing."""
