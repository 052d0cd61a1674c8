"""Runs all patterns and prints what they give as JSON, with the place that `hamilton` was imported from."""

import importlib
import json
import sys
import tempfile
import traceback
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main() -> None:
    import hamilton

    found = {}
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[name] = importlib.import_module(f"hamilton_patterns.{name}")._run(folder)
            except Exception:
                found[name] = {"error": traceback.format_exc()}
    print(json.dumps({"hamilton": str(hamilton.__path__[0]), "found": found}, default=str))


if __name__ == "__main__":
    main()
