"""One rule for Unicode: equal forms grade and are found as one, near ones do not."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest

from envgym.environments.search.corpus import Passage
from envgym.environments.search.retrieval.index import Bm25Index
from envgym.environments.search.scoring import exact_match
from envgym.environments.search.text_folding import folded, words

CASES = 2_000
NAMES = (
    *("Paris", "New York City", "Straße des 17. Juni", "İstanbul", "São Paulo", "Jan Svěrák"),
    *("Ångström", "Ελλάδα", "Москва", "東京都", "กรุงเทพ", "हिन्दी भाषा", "30 June 1954", "O'Brien"),
    *("Jean-Luc Godard", "Łódź", "Đà Nẵng", "서울", "θάλασσα", "Mötley Crüe", "3rd Rail"),
)
UNSEEN = ("\u00ad", "\u200b", "\u200c", "\u200d", "\ufeff", "\u2060", "\ufe0f")


def equal_form(rng: random.Random, name: str) -> str:
    """The name in another writing of the same words."""
    form = name
    for _ in range(rng.randint(1, 3)):
        match rng.randrange(8):
            case 0:
                place = rng.randint(0, len(form))
                form = form[:place] + rng.choice(UNSEEN) + form[place:]
            case 1:
                form = unicodedata.normalize(rng.choice(("NFC", "NFD", "NFKD")), form)
            case 2:
                form = form.casefold()
            case 3:
                form = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in form)
            case 4:
                form = rng.choice(("the {}", "a {}", "{}.", "“{}”", " {} ", "{}!", "({})")).format(
                    form
                )
            case 5:
                form = form.replace(" ", rng.choice(("  ", "\u00a0", "\n", "\u3000")))
            case 6:
                form = form.upper() if form.isascii() else form
            case 7:
                form = form.replace("ß", "ss")
    return form


def near_form(rng: random.Random, name: str) -> str:
    """Another answer that is close to the name."""
    letters = [n for n, char in enumerate(name) if char.isalnum()]
    place = rng.choice(letters)
    match rng.randrange(5):
        case 0:
            return name[:place] + name[place + 1 :]
        case 1:
            return name[:place] + ("q" if name[place] != "q" else "w") + name[place + 1 :]
        case 2:
            return f"{name} {rng.choice(('or Rome', 'not', 'II', '2'))}"
        case 3:
            return name + rng.choice("sx1")
    other = rng.choice([other for other in NAMES if other != name])
    return f"{name} {other}" if rng.random() < 0.5 else other


def test_equal_forms_match_and_near_ones_do_not() -> None:
    rng = random.Random(0)
    for _ in range(CASES):
        name = rng.choice(NAMES)
        equal, near = equal_form(rng, name), near_form(rng, equal_form(rng, name).strip())
        assert exact_match(equal, [name]) == 1.0, (name, equal)
        plain = near_form(rng, name)
        assert exact_match(plain, [name]) == 0.0, (name, plain)
        assert exact_match(near, [near]) == 1.0


@pytest.mark.parametrize(
    ("one", "other"), [("café", "cafe"), ("Łódź", "Lodz"), ("Ã", "A"), ("résumé", "resume")]
)
def test_diacritics_stay(one: str, other: str) -> None:
    assert exact_match(one, [other]) == 0.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hawaiʻi", "Hawai'i"),
        ("O´Brien", "O’Brien"),
        ("१९४७", "1947"),
        ("ﬁre", "FIRE"),
        ("Ⅳ", "iv"),
    ],
)
def test_compatible_characters_are_equal(one: str, other: str) -> None:
    assert exact_match(one, [other]) == exact_match(other, [one]) == 1.0
    assert words(one) == words(other) or "’" in other


def test_folding_is_idempotent_and_leaves_ascii_alone() -> None:
    rng = random.Random(1)
    alphabet = [chr(n) for n in (*range(0x20, 0x600), *range(0x900, 0xE80), *range(0x1E00, 0x2100))]
    for _ in range(CASES):
        text = "".join(rng.choices(alphabet, k=8))
        assert folded(folded(text)) == folded(text), ascii(text)
        plain = "".join(rng.choices([chr(n) for n in range(0x20, 0x7F)], k=20))
        assert words(plain) == re.findall(r"\w+", plain.lower())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("كِتَابٌ", ["كتاب"]),
        ("שָׁלוֹם", ["שלום"]),
        ("தமிழ்", ["தமிழ்"]),
        ("東京都", ["東京", "京都", "東", "京", "都"]),
        ("iPhone用", ["iphone", "用"]),
        ("カレー", ["カレ", "レー"]),
        ("ไทย", ["ไท", "ทย"]),
        ("한국어 위키", ["한국어", "위키"]),
        ("Café 2020", ["café", "2020"]),
        ("", []),
        ("\u0301", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize("backend", ["rank-bm25", "bm25s"])
@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("東京都は日本の首都です。", "日本の首都"),
        ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "เมืองหลวง"),
        ("ភ្នំពេញជារាជធានីនៃប្រទេសកម្ពុជា", "រាជធានី"),
        ("နေပြည်တော်သည် မြန်မာနိုင်ငံ၏ မြို့တော်", "မြန်မာ"),
        ("ວຽງຈັນເປັນນະຄອນຫຼວງ", "ນະຄອນ"),
        ("नई दिल्ली भारत की राजधानी है", "राजधानी"),
        ("القاهرة هي عاصمة مصر", "عَاصِمَةُ"),
        ("ירושלים היא בירת ישראל", "בִּירַת"),
    ],
)
def test_words_of_every_script_are_found(backend: str, text: str, query: str) -> None:
    others = [Passage(str(n), f"Page {n}", "words of another language") for n in range(3)]
    index = Bm25Index([*others, Passage("x", "X", text)], backend)  # type: ignore[arg-type]
    assert [hit.passage.id for hit in index.search(query, 2)] == ["x"]
