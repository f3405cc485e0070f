"""How a recipe treats the parameters of its network: their first values, and the groups that learn at rates of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ninx.kernels.names import unknown

from .. import nn
from ..engine import Tensor
from .recipe import LayerRecipe, Recipe


def _layers(model: nn.Module, recipe: Recipe) -> Iterator[tuple[str, Tensor, LayerRecipe]]:
    """(name, parameter, what the recipe says about its layer)"""
    known = {name.rpartition(".")[0] for name, _ in model.named_parameters()}
    for layer in recipe.layers:
        if layer not in known:
            raise ValueError(f"recipe {recipe.name}: layers: " + unknown(f"layer of {recipe.model.name}", layer, known))
    for name, p in model.named_parameters():
        yield name, p, recipe.layers.get(name.rpartition(".")[0], LayerRecipe())


def initialise(model: nn.Module, recipe: Recipe) -> None:
    """Draw all weights of two dimensions and more anew, and set the biases to 0; "default" leaves each layer's own values."""
    for name, p, layer in _layers(model, recipe):
        whole = recipe.model
        init, std = (layer.init, layer.std) if layer.init else (whole.init, whole.std)
        if init == "default":
            continue
        if name.endswith(".bias"):
            nn.init.zeros_(p)
        elif p.ndim > 1 and init == "normal":
            nn.init.normal_(p, 0.0, std or 0.0)
        elif p.ndim > 1 and init == "constant":
            nn.init.constant_(p, layer.value or 0.0)
        elif p.ndim > 1 and init == "kaiming_normal":
            nn.init.kaiming_normal_(p, nonlinearity="relu")
        elif p.ndim > 1:
            nn.init.xavier_uniform_(p)


def groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """The parameters for the optimiser; those that have the same learning rate and weight decay are a group."""
    found: dict[tuple[float, float], list[Tensor]] = {}
    for name, p, layer in _layers(model, recipe):
        lr, decay = layer.lr, layer.weight_decay
        if name.endswith(".bias"):
            lr *= recipe.optim.bias_lr if layer.bias_lr is None else layer.bias_lr
            decay *= recipe.optim.bias_weight_decay
        found.setdefault((lr * recipe.optim.lr, decay * recipe.optim.weight_decay), []).append(p)
    return [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in found.items()]
