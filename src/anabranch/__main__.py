"""``python -m anabranch``: the command line."""

import contextlib
import os
import sys

if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the current folder may have been deleted
        if not sys.flags.safe_path and sys.path[0] in {"", os.getcwd()}:
            del sys.path[0]  # a json.py there would hide the library's; a MODULE by name is found there all the same
    from anabranch.cli import main

    main()
