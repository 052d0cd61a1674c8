"""Bases of loaders and savers."""

from anabranch.io.adapter import AdapterCommon, DataLoader, DataSaver

__all__ = ["AdapterCommon", "DataLoader", "DataSaver"]
