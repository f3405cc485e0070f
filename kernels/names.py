"""Looking things up by name, with a hint when the name is nearly right."""

from __future__ import annotations

from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not there: what is nearest, or else what there is."""
    import difflib  # here, because it is wanted only after a mistake

    names, name = sorted(known), name if len(name) <= 100 else f"{name[:100]}..."  # one of a file may have any length
    near = next((n for form in (name, name.lower(), name.upper()) for n in difflib.get_close_matches(form, names, 1)), None)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(names)}"
    return f"there is no {kind} {name!r}; {hint}"
