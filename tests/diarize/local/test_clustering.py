"""Average linkage, against the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.diarize.local.clustering import merges, stretches


def symmetric(count: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    distances = np.random.default_rng(seed).uniform(0, 2, (count, count)).astype(np.float32)
    distances = (distances + distances.T) * np.float32(0.5)
    np.fill_diagonal(distances, 0)
    return distances


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 14), st.integers(0, 10_000), st.booleans())
def test_each_merge_joins_the_closest_two(count: int, seed: int, weighted: bool) -> None:
    distances = symmetric(count, seed)
    weights = np.random.default_rng(seed).integers(1, 16, count).astype(np.float32) if weighted else np.ones(count)
    groups = [frozenset([item]) for item in range(count)]
    made = merges(distances, weights.astype(np.float32))
    assert len(made) == count - 1

    def between(a: frozenset[int], b: frozenset[int]) -> float:
        total = sum(weights[i] * weights[j] for i in a for j in b)
        return float(sum(weights[i] * weights[j] * distances[i, j] for i in a for j in b) / total)

    for merge in made:
        left, right = frozenset(merge.left.tolist()), frozenset(merge.right.tolist())
        closest = min(between(a, b) for a in groups for b in groups if a != b)
        assert merge.distance == pytest.approx(closest, abs=1e-6)
        assert merge.distance == pytest.approx(between(left, right), abs=1e-6)
        groups = [group for group in groups if group not in (left, right)] + [left | right]
    assert groups == [frozenset(range(count))]


@given(st.integers(2, 14), st.integers(0, 10_000))
def test_merges_know_those_that_made_their_sides(count: int, seed: int) -> None:
    made = merges(symmetric(count, seed), np.ones(count, np.float32))
    for merge in made:
        before = {frozenset(made[place].members.tolist()) for place in merge.earlier}
        large = {frozenset(side.tolist()) for side in (merge.left, merge.right) if len(side) > 1}
        assert before == large


def test_two_clear_groups_meet_last() -> None:
    at = np.array([0.0, 0.1, 0.2, 5.0, 5.1])
    last = merges(np.abs(at[:, None] - at).astype(np.float32), np.ones(5, np.float32))[-1]
    assert {frozenset(last.left.tolist()), frozenset(last.right.tolist())} == {frozenset({0, 1, 2}), frozenset({3, 4})}


def test_a_short_turn_is_a_stretch_against_all_others() -> None:
    random = np.random.default_rng(2)
    unit = np.zeros((12, 8), np.float32)
    unit[:, 0] = 1
    unit[5:7] = 0
    unit[5:7, 1] = 1
    unit += random.normal(0, 0.05, unit.shape).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    first, cells = np.arange(12) * 15, np.full(12, 15)
    found = stretches(unit, first, cells, shortest=13)
    assert sorted(found[0].left.tolist()) == [5, 6]
    assert sorted(found[0].right.tolist()) == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    pairs = 1 - unit[found[0].left] @ unit[found[0].right].T
    assert found[0].distance == pytest.approx(float(pairs.mean()), abs=1e-5)
    for a, b in itertools.combinations(found, 2):
        shared = set(a.left.tolist()) & set(b.left.tolist())
        together = set(a.left.tolist()) | set(b.left.tolist())
        assert 2 * len(shared) <= len(together)


def test_what_is_too_short_is_no_stretch() -> None:
    unit = np.eye(4, dtype=np.float32)
    first, cells = np.array([0, 15, 30, 45]), np.full(4, 15)
    assert all(len(merge.left) > 1 for merge in stretches(unit, first, cells, shortest=16))
    assert any(len(merge.left) == 1 for merge in stretches(unit, first, cells, shortest=15))
