"""ONNX's own tests of the operators that ninx reads; their table is docs/CONFORMANCE.md."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import node_tests
import onnx
import pytest
from rooms import ROOT

CONFORMANCE = Path(ROOT / "docs" / "CONFORMANCE.md")
HEAVY = {"AveragePool", "MaxPool"}  # whose tests take seconds to be made, by sums in Python


@pytest.mark.parametrize("operator", [operator for operator in node_tests.OPERATORS if operator not in HEAVY])
def test_an_operator(operator: str) -> None:
    _check(operator)


@pytest.mark.slow
@pytest.mark.parametrize("operator", sorted(HEAVY))
def test_an_operator_slowly(operator: str) -> None:
    _check(operator)


def _check(operator: str) -> None:
    """No test fails, and the table says how many passed."""
    outcomes = [node_tests.outcome(operator, case) for _, case in node_tests.cases([operator])]
    assert [outcome for outcome in outcomes if outcome.result == "failed"] == []
    if onnx.__version__ in CONFORMANCE.read_text("utf-8"):  # another version of the package has other tests
        counts = Counter(outcome.result for outcome in outcomes)
        cells = tuple(str(counts[result] or "") for result in ("passed", "not in scope"))
        assert _table()[operator] == cells


def _table() -> dict[str, tuple[str, ...]]:
    rows = re.findall(r"^\| (\w+) \| (\d*) \| (\d*) \|  \|$", CONFORMANCE.read_text("utf-8"), re.MULTILINE)
    return {operator: tuple(cells) for operator, *cells in rows}


def test_a_wrong_answer_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (case,) = [case for _, case in node_tests.cases(["Sqrt"]) if case.name == "test_sqrt"]
    monkeypatch.setitem(node_tests.OPERATORS, "Sqrt", node_tests.OPERATORS["Exp"])
    assert node_tests.outcome("Sqrt", case).result == "failed"
