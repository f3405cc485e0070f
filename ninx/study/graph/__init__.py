"""The graph that the engine records in one forward and backward pass, and pictures of it."""

from .made import BATCH, of
from .pictures import check_ending, written
from .vertices import Edge, Graph, Kept, Vertex
from .vjps import Vjp

__all__ = ["BATCH", "Edge", "Graph", "Kept", "Vertex", "Vjp", "check_ending", "of", "written"]
