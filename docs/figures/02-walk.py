"""The graph of y = (x x)(2 x) with values and cotangents, as the engine finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PLACES = {"x": (0.0, 0.0), "a": (2.2, 0.9), "b": (2.2, -0.9), "y": (4.4, 0.0)}
TEXTS = {"x": "x", "a": "a = x x", "b": "b = 2 x", "y": "y = a b"}


def numbers() -> dict[str, Any]:
    """Values, cotangents, and what each arrow carries back: (to, from) -> the share."""
    import ninx

    x = ninx.tensor(3.0, requires_grad=True)
    a, b = x * x, 2 * x
    y = a * b
    named = {"x": x, "a": a, "b": b, "y": y}
    cotangents: dict[str, float] = {}
    for name, t in named.items():
        t.register_hook(lambda g, name=name: cotangents.__setitem__(name, g.item()))
    y.backward()
    return {
        "values": {name: t.item() for name, t in named.items()},
        "cotangents": cotangents,
        "shares": {"a x": 2 * x.item() * cotangents["a"], "b x": 2 * cotangents["b"], "y a": b.item(), "y b": a.item()},
    }


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Boxes from left to right; what goes back in red."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 2.9))
    for pair, share in numbers["shares"].items():
        late, early = pair.split()
        (x0, y0), (x1, y1) = PLACES[early], PLACES[late]
        axes.annotate("", (x1 - 0.55, y1), (x0 + 0.55, y0), arrowprops={"arrowstyle": "->", "color": "#444"})
        up = 0.18 if y0 + y1 > 0 else -0.28
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 + up, f"{share:g}", color="#b03a2e", ha="center")
    for name, (x, y) in PLACES.items():
        axes.add_patch(plt.Rectangle((x - 0.55, y - 0.35), 1.1, 0.7, facecolor="#f4f6f7", edgecolor="#444"))
        axes.text(x, y + 0.1, f"${TEXTS[name]}$", ha="center", va="center")
        axes.text(x - 0.1, y - 0.2, f"{numbers['values'][name]:g}", ha="right", va="center", weight="bold", fontsize=9)
        axes.text(x + 0.1, y - 0.2, f"{numbers['cotangents'][name]:g}", ha="left", va="center", color="#b03a2e", fontsize=9)
    axes.set_xlim(-0.7, 5.1)
    axes.set_ylim(-1.4, 1.4)
    axes.axis("off")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
