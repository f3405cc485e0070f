"""Growing a network: a trained one hands its weights, layer by layer, to a larger one."""

from __future__ import annotations

from typing import Any, Literal

from .. import models, nn

New = Literal["constant", "identity"]


def grow(model: nn.Module, name: str, new: New = "identity", value: float = 1.0, **switches: Any) -> nn.Module:
    """A new network ``name`` with the weights of ``model`` in all layers of the same name; ``new`` says how the others begin.

    "identity": W = I and b = 0. After a ReLU that changes nothing, relu(I relu(z)) = relu(z), so the outputs stay exactly what
    they were. "constant", as a tutorial on MNIST does it: every weight of a new layer is ``value``, so all its channels are
    equal; and only weights are taken over, so the biases begin anew.

    Raises ValueError if ``model`` has a layer that ``name`` has not, or if a new layer cannot be the identity.

    >>> small = ninx.models.create("nin-mnist-v0")
    >>> large = ninx.study.growth.grow(small, "nin-mnist-v1")
    >>> x = ninx.rand(1, 1, 28, 28)
    >>> sum(p.numel() for p in large.parameters()), bool((small(x) == large(x)).all())
    (4590, True)
    """
    if new not in ("constant", "identity"):
        raise ValueError(f"grow: new must be 'constant' or 'identity', got {new!r}")
    grown = models.create(name, **switches)
    old, keys = model.state_dict(), set(grown.state_dict())
    if lost := [key for key in old if key not in keys]:
        raise ValueError(f"grow: {name} has no {lost[0]}, so the network is not a part of it")
    grown.load_state_dict({k: v for k, v in old.items() if new == "identity" or k.endswith("weight")}, strict=False)
    layers, before = dict(grown.named_modules()), dict(model.named_modules())
    for layer in sorted({key.rpartition(".")[0] for key in keys - set(old)}):
        if new == "constant":
            nn.init.constant_(grown.state_dict()[f"{layer}.weight"], value)
        else:
            parent, _, number = layer.rpartition(".")
            _pass_on(layers[layer], before.get(f"{parent}.{int(number) - 1}"), f"grow: layer {layer} of {name}")
    return grown


def _pass_on(layer: nn.Module, before: nn.Module | None, where: str) -> None:
    """Make a new layer the identity, where that leaves the function as it was."""
    if not isinstance(layer, nn.Conv2d) or layer.kernel_size != (1, 1) or layer.in_channels != layer.out_channels:
        raise ValueError(f"{where} is no 1x1 convolution with as many inputs as outputs, so it cannot be the identity")
    if not isinstance(before, nn.ReLU):
        raise ValueError(f"{where} does not follow a ReLU of the old network, so the new ReLU would change what it computes")
    nn.init.dirac_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
