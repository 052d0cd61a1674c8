"""The built-in executors: `sequential`, `threads`, `processes`, `ray`, `dask`, and an adapter for `concurrent.futures`.

Each registers in the entry-point group `anabranch.executors`, as anyone's would, and sees nothing of anabranch but the
executor protocol, what a call is made of, and errors.
"""
