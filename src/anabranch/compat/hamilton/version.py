"""The version of Hamilton whose public names are here."""

VERSION = (1, 90, 0)
