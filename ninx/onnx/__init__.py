"""Networks from ONNX files, and in them: what other libraries and programs read and write."""

from ninx.kernels.listing import only_public

from .loading import load

__all__ = ["load"]

__dir__ = only_public(globals())
