"""Steps over texts and lists of texts, each defined for every value of its type."""

from __future__ import annotations

from envgym.environments.code.generate.step import step


@step()
def reverse_text(text: str) -> str:
    """reverse the text"""
    return text[::-1]


@step()
def drop_vowels(text: str) -> str:
    """drop the vowels (a, e, i, o, u in either case)"""
    return "".join(c for c in text if c not in "aeiouAEIOU")


@step()
def swap_cases(text: str) -> str:
    """turn capital letters into small ones and small ones into capital ones"""
    return text.swapcase()


@step(1, 2, 3, 5, 13)
def shift_letters(text: str, k: int) -> str:
    """replace each small letter a to z by the one {k} places further in the alphabet, where a
    follows z, and leave everything else as it is"""
    return "".join(
        chr((ord(c) - ord("a") + k) % 26 + ord("a")) if "a" <= c <= "z" else c for c in text
    )


@step()
def squeeze(text: str) -> str:
    """of equal neighbouring characters keep only one"""
    return "".join(c for i, c in enumerate(text) if not i or c != text[i - 1])


@step()
def count_runs(text: str) -> str:
    """replace each run of one character by that character and the run's length (aab becomes
    a2b1)"""
    pieces = []
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or text[i] != text[start]:
            pieces.append(f"{text[start]}{i - start}")
            start = i
    return "".join(pieces)


@step(2, 3, 4)
def take_turns(text: str, k: int) -> str:
    """put first the characters at the places 0, {k}, 2·{k}, …, then those at 1, 1+{k}, 1+2·{k}, …,
    and so on"""
    return "".join(text[i::k] for i in range(k))


@step()
def mirror_halves(text: str) -> str:
    """swap the two halves of the text, a character in the middle staying where it is"""
    half = len(text) // 2
    return text[len(text) - half :] + text[half : len(text) - half] + text[:half]


@step()
def sort_characters(text: str) -> str:
    """sort the characters by their code points"""
    return "".join(sorted(text))


@step()
def split_words(text: str) -> list[str]:
    """split the text into its words, which white space separates"""
    return text.split()


@step(2, 3, 4)
def chunks(text: str, k: int) -> list[str]:
    """cut the text, from the left, into pieces of {k} characters; the last one may be shorter"""
    return [text[i : i + k] for i in range(0, len(text), k)]


@step()
def count_vowels(text: str) -> int:
    """count the vowels (a, e, i, o, u in either case)"""
    return sum(c in "aeiouAEIOU" for c in text)


@step()
def count_distinct(text: str) -> int:
    """count the different characters"""
    return len(set(text))


@step()
def longest_palindrome(text: str) -> int:
    """take the length of the longest stretch of the text that reads the same in both directions
    (0 for an empty text)"""
    best = 0
    for i in range(len(text)):
        for j in range(i, len(text)):
            piece = text[i : j + 1]
            if piece == piece[::-1]:
                best = max(best, len(piece))
    return best


@step()
def letter_places(text: str) -> list[int]:
    """make a list of the places in the alphabet (a is 1, either case) of the letters a to z, and
    skip everything else"""
    return [ord(c) - ord("a") + 1 for c in text.lower() if "a" <= c <= "z"]


@step()
def sort_words(words: list[str]) -> list[str]:
    """sort the texts by their length, and those of one length by their code points"""
    return sorted(words, key=lambda w: (len(w), w))


@step()
def reverse_order(words: list[str]) -> list[str]:
    """reverse the order of the list"""
    return words[::-1]


@step(2, 3, 4)
def keep_longer(words: list[str], k: int) -> list[str]:
    """keep only the texts of at least {k} characters"""
    return [w for w in words if len(w) >= k]


@step()
def distinct_words(words: list[str]) -> list[str]:
    """of equal texts keep only the first"""
    return list(dict.fromkeys(words))


@step()
def keep_once(words: list[str]) -> list[str]:
    """keep only the texts that stand in the list exactly once"""
    return [w for w in words if words.count(w) == 1]


@step("-", "", "+", ".")
def join_words(words: list[str], k: str) -> str:
    """join the texts to one, with {k} between them"""
    return k.join(words)


@step()
def initials(words: list[str]) -> str:
    """make one text of the first characters of all texts that are not empty"""
    return "".join(w[0] for w in words if w)


@step()
def lengths(words: list[str]) -> list[int]:
    """replace each text by its length"""
    return [len(w) for w in words]


@step()
def longest_word(words: list[str]) -> str:
    """take the longest text, the first of them where there are several (an empty text for an empty
    list)"""
    return max(words, key=len, default="")


@step()
def common_prefix(words: list[str]) -> str:
    """take the longest text with which all texts of the list begin (an empty text for an empty
    list)"""
    if not words:
        return ""
    prefix = words[0]
    for w in words:
        while not w.startswith(prefix):
            prefix = prefix[:-1]
    return prefix


@step(3, 6, 10)
def text_longer_than(text: str, k: int) -> bool:
    """the text has more than {k} characters"""
    return len(text) > k


@step("a", "e", "s", "t")
def holds_letter(text: str, k: str) -> bool:
    """the text holds the letter {k}"""
    return k in text


@step(1, 2, 3)
def more_words_than(words: list[str], k: int) -> bool:
    """the list holds more than {k} texts"""
    return len(words) > k
