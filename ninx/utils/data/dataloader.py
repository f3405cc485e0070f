"""The loader by the name of PyTorch's module: ``from ninx.utils.data.dataloader import DataLoader, default_collate``."""

from ...data import DataLoader, default_collate

__all__ = ["DataLoader", "default_collate"]
