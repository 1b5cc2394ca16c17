"""A simulation as one picture: an SVG document that needs nothing else, made from the story's values alone."""

from rotator.simulate.timeline.document import timeline

__all__ = ["timeline"]
