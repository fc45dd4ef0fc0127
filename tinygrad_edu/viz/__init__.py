"""Pictures of computations: drawn graphs, and pages on which a gradient can be followed."""

from tinygrad_edu.viz.graph import draw_graph

__all__ = ["draw_graph"]
