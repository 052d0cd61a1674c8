"""What derived nodes call: small callable values that a worker can import.

Theory: a modifier makes nodes that no user wrote: a field of a dict, a function with some arguments bound. What such a node
calls travels to workers like any function, so it is an instance of a module-level class, pickled by reference to that class
with the little data that it has; never a closure. It is called once per item, so it does what it is for and nothing else.

Nothing here knows a graph. Optional libraries are recognised by what their values can do and imported only to make new ones.
"""

from anabranch.derived.calls import Fixed, Grouped, Keyed, Leaf, Listed, Placed, Positional, Recipe, same
from anabranch.derived.parts import Attribute, Column, Element, Field, Ingredient, Named, Widened
from anabranch.derived.spark import Udf

__all__ = [
    "Attribute",
    "Column",
    "Element",
    "Field",
    "Fixed",
    "Grouped",
    "Ingredient",
    "Keyed",
    "Leaf",
    "Listed",
    "Named",
    "Placed",
    "Positional",
    "Recipe",
    "Udf",
    "Widened",
    "same",
]
