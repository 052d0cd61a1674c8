"""Frames of dask are known to decorators and result builders without it."""
