"""Networks that only answer: everything that does not depend on the image is done once, when they are frozen."""

from .frozen import Frozen, freeze

__all__ = ["Frozen", "freeze"]
