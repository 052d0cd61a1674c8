"""Functions as a graph: nodes, types and axes, decided before anything runs."""

from anabranch.graph.functions import module_from_functions
from anabranch.graph.graph import Graph
from anabranch.graph.node import Edge, Input, Node, Parameter, Role
from anabranch.graph.sources import module_from_source

__all__ = ["Edge", "Graph", "Input", "Node", "Parameter", "Role", "module_from_functions", "module_from_source"]
