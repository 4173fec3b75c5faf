"""Splits by hash: stable, of the asked share, and as they were before one helper made them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envgym.errors import UsageError
from envgym.utils.splits import HashName, check_split, hash_split

FORMULAS: dict[HashName, Callable[[bytes], bool]] = {
    "blake2b": lambda key: (
        int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big") < 0.2 * 2**32
    ),
    "sha256-byte": lambda key: hashlib.sha256(key).digest()[0] < 256 * 0.2,
    "sha256-byte-mod-5": lambda key: hashlib.sha256(key).digest()[0] % 5 == 0,
    "crc32-mod-5": lambda key: zlib.crc32(key) % 5 == 0,
}


def test_every_hash_has_a_formula() -> None:
    assert set(FORMULAS) == set(get_args(HashName))


@pytest.mark.parametrize("name", FORMULAS)
@given(key=st.text(st.characters(exclude_categories=["Cs"])))
def test_assignments_are_those_of_the_formula(name: HashName, key: str) -> None:
    assert (hash_split(key, hash_name=name) == "test") == FORMULAS[name](key.encode())


@pytest.mark.parametrize("name", FORMULAS)
def test_about_a_fifth_is_test(name: HashName) -> None:
    tested = sum(hash_split(f"task {i}", hash_name=name) == "test" for i in range(5000))
    assert 0.18 < tested / 5000 < 0.23


def test_any_share_can_be_asked_for() -> None:
    assert hash_split("a", 0.0) == "train"
    assert hash_split("a", 1.0) == "test"
    tested = sum(hash_split(str(i), 0.01) == "test" for i in range(20_000))
    assert 130 < tested < 270


def test_half_a_surrogate_pair_has_a_split() -> None:
    assert hash_split("\ud800") == hash_split("?")


def test_an_unknown_split_is_refused_with_those_that_exist() -> None:
    check_split("test")
    check_split("all", ("train", "test", "all"))
    with pytest.raises(UsageError, match=r"no split 'dev': use train or test$"):
        check_split("dev")
    with pytest.raises(UsageError, match=r"no split 'dev': use train, test or all$"):
        check_split("dev", ("train", "test", "all"))
