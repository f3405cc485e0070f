"""The page that a GPU day leaves: at most 150 lines of markdown, from the figures of its parts."""

from __future__ import annotations

from typing import Any

MOST_LINES = 150


def page(day: dict[str, Any]) -> str:
    """The whole page."""
    parts = day["parts"]
    lines = [f"# A GPU day: {device(day)}", "", f"{day['date']}, on {day['where']}, {day.get('seconds', 0)} s in all.", ""]
    lines += ["| part | result | seconds | what was found |", "|---|---|---|---|"]
    for letter, part in parts.items():
        lines.append(f"| ({letter}) {part['title']} | {part['status']} | {part['seconds']} | {_cell('; '.join(part['lines']))} |")
    sections = [_versions(parts), _failed(parts), _layers(parts), _steps(parts), _notes(parts)]
    for section in sections:
        lines += [""] * bool(section) + section
    for letter, part in parts.items():
        room = MOST_LINES - len(lines) - 6
        if part["log"] and room > 0:
            lines += ["", f"The end of what ({letter}) said:", "", "```text", *_tail(part["log"], min(12, room)), "```"]
    return "\n".join(lines[:MOST_LINES]) + "\n"


def device(day: dict[str, Any]) -> str:
    """The card's name, if part (a) learnt it."""
    return str(day["parts"].get("a", {}).get("figures", {}).get("device", "unknown device"))


def _cell(text: str) -> str:
    return text.replace("|", "/")


def _tail(text: str, count: int) -> list[str]:
    return [line[:200].replace("```", "'''") for line in text.strip().splitlines()[-count:]]


def _figures(parts: dict[str, Any], letter: str) -> dict[str, Any]:
    found: dict[str, Any] = parts.get(letter, {}).get("figures", {})
    return found


def _versions(parts: dict[str, Any]) -> list[str]:
    figures = _figures(parts, "a")
    found = [f"{name} {version}" for name, version in figures.get("versions", {}).items()]
    return [", ".join([*found, *([f"driver for CUDA {figures['driver']}"] if "driver" in figures else [])])] if found else []


def _failed(parts: dict[str, Any]) -> list[str]:
    failed = _figures(parts, "b").get("failed", [])
    more = [f"* and {len(failed) - 20} more"] if len(failed) > 20 else []
    return ["Tests that failed:", "", *(f"* `{name}`" for name in failed[:20]), *more] if failed else []


LAYERS = {"fast": "ninx", "GEMM": "cuBLAS", "PyTorch": "PyTorch", "channels_last": "channels_last",
          "PyTorch TF32": "TF32", "channels_last TF32": "TF32, channels_last"}  # fmt: skip


def _layers(parts: dict[str, Any]) -> list[str]:
    """Milliseconds of the layers, their share of the roof, and how many times as fast as PyTorch's better format."""
    rows = _figures(parts, "f").get("conv", [])
    if not rows:
        return []
    roofs = _figures(parts, "g").get("roofs")
    heading = "Convolutions, milliseconds (medians); the share is that of cuBLAS's rate or of the copy's, whichever binds"
    if roofs:
        heading += f" ({roofs['cublas_tflops']:.1f} TFLOP/s, {roofs['copy_gbs']:.0f} GB/s)"
    names = [*LAYERS.values(), "share of roof", "times as fast", "as TF32"]
    table = [f"{heading}:", "", f"| layer | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        times = [f"{row['ms'][name]:.3f}" if name in row["ms"] else "-" for name in LAYERS]
        ends = [f"{row['share_of_roof']:.0%}", *(_times(row[key]) for key in ("ratio", "ratio_tf32"))]
        table.append(f"| {_cell(row['name'])} | {' | '.join(times + ends)} |")
    return table


def _steps(parts: dict[str, Any]) -> list[str]:
    rows = _figures(parts, "f").get("step", [])
    names = [name for name in LAYERS if name != "GEMM"]
    heads = [LAYERS[name] for name in names] + ["times as fast", "as TF32"]
    table = ["Steps, milliseconds (medians):", "", f"| step | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        times = [f"{row['ms'][name]:.2f}" if name in row["ms"] else "-" for name in names]
        table.append(f"| {row['name']} | {' | '.join([*times, _times(row['ratio']), _times(row['ratio_tf32'])])} |")
    return table if rows else []


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _notes(parts: dict[str, Any]) -> list[str]:
    return [f"* {note}" for note in _figures(parts, "f").get("conv_notes", [])]
