"""Installs the shim by being imported: in workers, or in a ``sitecustomize``."""

from anabranch.compat.hamilton._finder import install

install()
