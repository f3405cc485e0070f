"""Who has which micro-batches, and the tree along which everything is summed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranks import FakeTeam, on_ranks

from ninx import parallel
from ninx.parallel import tree


@given(st.integers(0, 200), st.integers(1, 16))
def test_every_image_is_in_one_micro_batch_and_their_sizes_differ_by_one_at_most(count: int, parts: int) -> None:
    pieces = [range(count)[parallel.cut(count, parts, part)] for part in range(parts)]
    assert [i for piece in pieces for i in piece] == list(range(count))
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


def test_the_tree_halves_again_and_again_and_its_leaves_come_in_order() -> None:
    asked = []

    class Told(str):
        def __iadd__(self, other: str) -> Told:
            return Told(f"({self}+{other})")

    def leaf(i: int) -> Told:
        asked.append(i)
        return Told(i)

    assert parallel.summed(leaf, 0, 8) == "(((0+1)+(2+3))+((4+5)+(6+7)))"
    assert asked == list(range(8))
    assert parallel.summed(leaf, 4, 8) == "((4+5)+(6+7))"
    assert parallel.summed(leaf, 0, 3) == "(0+(1+2))"


def _by_brackets(leaves: list[np.ndarray]) -> np.ndarray:
    """The definition, written once more: the sum of the first half plus the sum of the second."""
    half = len(leaves) // 2
    return leaves[0] if len(leaves) == 1 else _by_brackets(leaves[:half]) + _by_brackets(leaves[half:])


@pytest.mark.parametrize("parts", [8, 24, 16])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 1000])
def test_the_sum_has_the_same_bits_on_any_number_of_ranks(parts: int, length: int) -> None:
    rng = np.random.default_rng(parts + length)
    leaves = [(rng.standard_normal(length) * 10.0 ** rng.integers(-6, 6, length)).astype(np.float32) for _ in range(parts)]
    wanted = _by_brackets(leaves).tobytes()
    if length == 1000:
        assert sum(leaves[1:], leaves[0]).tobytes() != wanted, "these numbers would not show another order"

    def work(team: FakeTeam) -> np.ndarray:
        own = tree.mine(parts, team)
        total = parallel.summed(lambda i: leaves[i].copy(), own.start, own.stop)
        parallel.sum_over_ranks(team, total)
        return total

    for size in (1, 2, 4, 8):
        assert [total.tobytes() for total in on_ranks(size, work)] == [wanted] * size


def test_each_rank_sends_the_fewest_numbers_that_are_possible() -> None:
    def work(team: FakeTeam) -> list[tuple[int, int]]:
        parallel.sum_over_ranks(team, np.zeros(64))
        return team.calls

    for rank, calls in enumerate(on_ranks(8, work)):
        assert [peer for peer, _ in calls] == [rank ^ 1, rank ^ 2, rank ^ 4, rank ^ 4, rank ^ 2, rank ^ 1]
        assert [size for _, size in calls] == [32, 16, 8, 8, 16, 32]
        assert sum(size for _, size in calls) == 2 * 64 * 7 // 8


@pytest.mark.parametrize(("parts", "size"), [(8, 3), (8, 16), (6, 4), (7, 2), (12, 6)])
def test_ranks_that_cannot_share_the_tree_are_refused_and_the_sentence_says_how_many_can(parts: int, size: int) -> None:
    fitting = [r for r in (1, 2, 4, 8, 16) if parts % r == 0]
    with pytest.raises(
        ValueError, match=f"^parallel: {size} ranks .* {parts} micro-batches .* -n {' or '.join(map(str, fitting))},"
    ):
        on_ranks(size, lambda team: tree.mine(parts, team))


def test_the_ranks_shares_are_subtrees() -> None:
    assert on_ranks(4, lambda team: list(tree.mine(8, team))) == [[0, 1], [2, 3], [4, 5], [6, 7]]
