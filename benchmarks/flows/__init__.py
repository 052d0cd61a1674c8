"""The dataflows that are measured, importable by name, so that every library's workers can import them."""
