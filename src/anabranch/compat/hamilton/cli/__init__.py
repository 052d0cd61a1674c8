"""``python -m hamilton.cli``, run with the shim: ``python -m anabranch.compat.hamilton -m hamilton.cli build flow.py``."""
