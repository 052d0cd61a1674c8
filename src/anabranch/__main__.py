"""``python -m anabranch``: the command line."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[0] in {"", os.getcwd()}:
        del sys.path[0]  # where a json.py, say, would be taken for the library's; a MODULE by name is found there all the same
    from anabranch.cli import main

    main()
