"""Adapters, executors and frames, by library."""
