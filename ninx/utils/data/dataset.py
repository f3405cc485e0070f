"""The data sets by the name of PyTorch's module: ``from ninx.utils.data.dataset import Dataset``."""

from ...data import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split

__all__ = ["ConcatDataset", "Dataset", "IterableDataset", "Subset", "TensorDataset", "random_split"]
