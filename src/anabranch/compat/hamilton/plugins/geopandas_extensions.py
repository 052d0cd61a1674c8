"""Frames of geopandas are known to decorators and result builders without it."""
