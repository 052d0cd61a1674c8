"""Data in and out; see `anabranch.io`."""
