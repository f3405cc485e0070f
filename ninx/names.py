"""Looking things up by name, with a hint when the name is nearly right."""

from __future__ import annotations

from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not there: what is nearest, or else what there is."""
    import difflib  # here, because it is wanted only after a mistake

    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1) or difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
    return f"there is no {kind} {name!r}; {hint}"
