"""Where values come from and where they go: a dataflow's variables with all that is said of them, to be asked and exported.

    Graph ──▶ Lineage ──▶ variables: type, tags, doc, source, version, what they read
                 ├──▶ upstream, downstream, between, tagged, outputs      each a Lineage again
                 ├──▶ exposed: which outputs are made of what has a tag
                 └──▶ document: the whole as plain data, for JSON

Theory: everything here is said by the graph already; a lineage only turns it into words that need no graph. It holds no value
and runs nothing. Source text and versions are looked up when they are asked for.
"""

from anabranch.lineage.document import document
from anabranch.lineage.lineage import Lineage
from anabranch.lineage.tags import matches
from anabranch.lineage.variable import Reading, Variable

__all__ = ["Lineage", "Reading", "Variable", "document", "matches"]
