"""Patterns that Hamilton's documentation shows, written afresh: each module is a dataflow, and its `_run` gives plain data.

They import `hamilton` and nothing of anabranch; `test_hamilton.py` runs them under both.
"""
