"""Hamilton's names on top of anabranch: after `install()`, code that imports `hamilton` runs on anabranch, unchanged.

Theory: this package mirrors Hamilton's public modules, and ``hamilton.driver`` *is* ``anabranch.compat.hamilton.driver``: one
module object under both names, executed once (`_finder`). A module here says which of our things stand for Hamilton's names,
and translates where the words differ: arguments, tags, the shape of what is told. What a dataflow means is decided by
anabranch alone; nothing here runs a function of a user.

What there is not says at import what to use instead (`_absent`).

=====================  ==========================================================================================
`_finder`, `_absent`   the import system's part
`_words`               tags and names of nodes, as Hamilton's users know them
`_adapters`            what was given as adapters, sorted into what anabranch takes
`_workers`             that workers install the shim before they load code that imports `hamilton`
the others             Hamilton's modules
=====================  ==========================================================================================
"""

from anabranch.compat.hamilton._finder import install, uninstall
from anabranch.compat.hamilton.version import VERSION

__all__ = ["install", "uninstall"]

__version__ = ".".join(map(str, VERSION))
