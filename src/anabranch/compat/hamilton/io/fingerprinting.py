"""Versions of data."""

from anabranch.compat.hamilton.caching.fingerprinting import hash_value

__all__ = ["hash_value"]
