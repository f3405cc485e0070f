"""Tests that are tables: the file of a subject lists its cases, one a row, and the tests that run over them are made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import strategies as some
import torch
from oracle import Case, close, distinct, few_digits, lay

import ninx

Errors = list[tuple[Callable[[], Any], type[Exception], str]]  # a call, what it raises, and words of the message
Twins = dict[str, tuple[Callable[..., Any], Callable[..., Any]]]  # by name: ours and PyTorch's


def agree_with_pytorch(cases: Sequence[Case], count: int = 20, slow: int | None = None) -> Callable[..., None]:
    """Value and every gradient, in both dtypes and every layout, on so many examples; more of them with ``-m slow``."""
    counts = [count, *([pytest.param(slow, marks=pytest.mark.slow)] if slow else [])]

    @pytest.mark.parametrize("count", counts)
    @pytest.mark.parametrize("case", cases, ids=lambda c: c.name)
    def test(case: Case, count: int) -> None:
        @some.examples(count, case.inputs, some.layouts, some.seeds)
        def _(inputs: Any, layouts: Any, seed: int) -> None:
            case.check(inputs, layouts, seed)

    return test


def agree_without_gradient(twins: Twins, count: int = 20) -> Callable[..., None]:
    """The value of functions of two arrays that have no gradient."""

    @pytest.mark.parametrize("name", twins)
    def test(name: str) -> None:
        ours, twin = twins[name]

        @some.examples(count, some.same(2, least=1), some.layouts, some.seeds)
        def _(shapes: Any, layouts: Any, seed: int) -> None:
            rng = np.random.default_rng(seed)
            for domain in (few_digits, distinct):
                if name.startswith("arg") and domain is few_digits:
                    continue  # which of equals PyTorch names is not promised; test_reductions.py looks at ties
                arrays = [domain(rng, s) for s in shapes]
                views = [lay(a, how)[0] for a, how in zip(arrays, layouts, strict=False)]
                close(name, ours(*map(ninx.from_numpy, views)), twin(*map(torch.tensor, arrays)), np.float64)
                assert not ours(*(ninx.from_numpy(v).requires_grad_() for v in views)).requires_grad

    return test


def raise_one_sentence(errors: Errors) -> Callable[..., None]:
    """Each call raises, and the message names the operation and the values."""

    @pytest.mark.host_only("the tensors of the table are made before any test, on the host")
    @pytest.mark.parametrize(("call", "kind", "words"), errors, ids=[words[:40] for _, _, words in errors])
    def test(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
        with pytest.raises(kind, match=words):
            call()

    return test
