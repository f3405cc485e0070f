"""``python tests/conformance`` prints docs/CONFORMANCE.md: what became of ONNX's own tests, operator by operator.

``python tests/conformance failed`` prints the tests that failed, and why.
"""

from __future__ import annotations

import sys
from collections import Counter

import node_tests
import onnx

HEAD = """# ONNX's own tests

`ninx.onnx.load` reads networks. The package onnx ({version}) ships tests of its operators: a model of one node, inputs, and what
must come out. This table says what became of those of the {operators} operators that ninx reads, each test run twice: with all
inputs given, and with all but the first stored in the file, so that layers are made of it. A test passes if shapes and dtypes
are right, and the values as close as the test says (a thousandth).

The table is made by `python tests/conformance > docs/CONFORMANCE.md`; `pytest tests/onnx/test_load_conformance.py` runs the
same tests. Names that end in `_expanded` are models of several nodes, by which ONNX defines one operator with others.

{passed} passed, {outside} not in scope, {failed} failed.

"""


def main() -> int:
    """The table, or the failures."""
    found = [node_tests.outcome(operator, case) for operator, case in node_tests.cases()]
    if sys.argv[1:] == ["failed"]:
        for outcome in found:
            if outcome.result == "failed":
                print(outcome.name, outcome.why)
        return 0
    counts = Counter(outcome.result for outcome in found)
    rows = [("operator", "passed", "not in scope", "failed"), ("---", "---:", "---:", "---:")]
    for operator in sorted({outcome.operator for outcome in found}):
        own = Counter(outcome.result for outcome in found if outcome.operator == operator)
        rows.append((operator, *(str(own[result] or "") for result in rows[0][1:])))
    rows.append(("all", *(str(counts[result]) for result in rows[0][1:])))
    version, operators = onnx.__version__, len(node_tests.OPERATORS)
    print(
        HEAD.format(
            version=version,
            operators=operators,
            passed=counts["passed"],
            outside=counts["not in scope"],
            failed=counts["failed"],
        ),
        end="",
    )
    print("\n".join("| " + " | ".join(row) + " |" for row in rows))
    print("\n## Not in scope, and why\n")
    print("| why | tests | such as |\n| --- | ---: | --- |")
    outside = [outcome for outcome in found if outcome.result == "not in scope"]
    for why, count in Counter(outcome.why for outcome in outside).most_common():
        print(f"| {why} | {count} | `{next(outcome.name for outcome in outside if outcome.why == why)}` |")
    return int(counts["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
