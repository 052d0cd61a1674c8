"""Checks of data; see `anabranch.validation`."""
