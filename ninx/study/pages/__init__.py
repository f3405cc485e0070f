"""Pages for a browser that need nothing beside themselves: one file, which can be sent by mail and opens without a network."""

from .shell import page

__all__ = ["page"]
