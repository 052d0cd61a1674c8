"""What function modifiers mean: from a function and its declarations to nodes.

Theory: a function with modifiers stands for a *family* of nodes. It begins with the node of the function itself; each
declaration turns a family into a family, purely, in the order of the stages (`anabranch.graph.modify.stages`). While they do,
nodes are *drafts*: nodes whose parameters may still be bound to another name, a literal or a group. In the end every draft is
finished: names go into `Parameter.source`, literals into the function that is called.

Everything else of the graph sees nodes like any others; axes, roles and types are decided there and not here.
"""

from anabranch.graph.modify.stages import modified

__all__ = ["modified"]
