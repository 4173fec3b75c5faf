"""Steps over integers and lists of integers, each defined for every value of its type."""

from __future__ import annotations

from envgym.environments.code.generate.step import step


@step(2, 3, 4, 5, 7)
def keep_multiples(numbers: list[int], k: int) -> list[int]:
    """keep only the numbers that are divisible by {k}"""
    return [n for n in numbers if n % k == 0]


@step(-5, 0, 3, 10, 20)
def drop_below(numbers: list[int], k: int) -> list[int]:
    """drop the numbers that are smaller than {k}"""
    return [n for n in numbers if n >= k]


@step(2, 3, 4)
def every_kth(numbers: list[int], k: int) -> list[int]:
    """keep every {k}-th number, beginning with the first"""
    return numbers[::k]


@step(1, 2, 3, 4)
def rotate_left(numbers: list[int], k: int) -> list[int]:
    """rotate the list to the left by {k} places"""
    if not numbers:
        return []
    k %= len(numbers)
    return numbers[k:] + numbers[:k]


@step(2, 3, 4)
def window_sums(numbers: list[int], k: int) -> list[int]:
    """replace the list by the sums of all {k} neighbouring numbers, from left to right (an empty
    list where there are fewer)"""
    return [sum(numbers[i : i + k]) for i in range(len(numbers) - k + 1)]


@step(2, 3, 5, 10)
def clip_to(numbers: list[int], k: int) -> list[int]:
    """replace each number above {k} by {k}, and each one below -{k} by -{k}"""
    return [max(-k, min(k, n)) for n in numbers]


@step()
def running_totals(numbers: list[int]) -> list[int]:
    """replace each number by the sum of itself and all before it"""
    total = 0
    totals = []
    for n in numbers:
        total += n
        totals.append(total)
    return totals


@step()
def running_maxima(numbers: list[int]) -> list[int]:
    """replace each number by the largest of itself and all before it"""
    maxima: list[int] = []
    for n in numbers:
        maxima.append(max(n, maxima[-1]) if maxima else n)
    return maxima


@step()
def differences(numbers: list[int]) -> list[int]:
    """replace the list by the differences of neighbours, each number minus the one before it"""
    return [numbers[i] - numbers[i - 1] for i in range(1, len(numbers))]


@step()
def sort_up(numbers: list[int]) -> list[int]:
    """sort the numbers in ascending order"""
    return sorted(numbers)


@step()
def reverse_numbers(numbers: list[int]) -> list[int]:
    """reverse the list"""
    return numbers[::-1]


@step()
def first_of_each(numbers: list[int]) -> list[int]:
    """of equal numbers keep only the first"""
    return list(dict.fromkeys(numbers))


@step()
def seen_twice(numbers: list[int]) -> list[int]:
    """keep, in ascending order and once each, the numbers that stand in the list more than once"""
    return sorted({n for n in numbers if numbers.count(n) > 1})


@step()
def ranks(numbers: list[int]) -> list[int]:
    """replace each number by how many numbers of the list are smaller than it"""
    return [sum(m < n for m in numbers) for n in numbers]


@step()
def evens_first(numbers: list[int]) -> list[int]:
    """move the even numbers before the odd ones, keeping the order within both"""
    return [n for n in numbers if n % 2 == 0] + [n for n in numbers if n % 2]


@step()
def peaks(numbers: list[int]) -> list[int]:
    """keep only the numbers that are larger than both of their neighbours (the first and the last
    number have only one neighbour and are dropped)"""
    return [b for a, b, c in zip(numbers, numbers[1:], numbers[2:], strict=False) if a < b > c]


@step()
def run_lengths(numbers: list[int]) -> list[int]:
    """replace the list by the lengths of its runs of equal neighbours, from left to right"""
    lengths: list[int] = []
    for i, n in enumerate(numbers):
        if i and n == numbers[i - 1]:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths


@step()
def fold_ends(numbers: list[int]) -> list[int]:
    """replace the list by the sums of its first and last number, its second and last but one, and
    so on; a number left over in the middle stays as it is"""
    half = len(numbers) // 2
    sums = [numbers[i] + numbers[-1 - i] for i in range(half)]
    return sums + numbers[half : len(numbers) - half]


@step()
def total(numbers: list[int]) -> int:
    """take the sum of the numbers"""
    return sum(numbers)


@step()
def largest(numbers: list[int]) -> int:
    """take the largest number (0 for an empty list)"""
    return max(numbers, default=0)


@step()
def spread(numbers: list[int]) -> int:
    """take the largest number minus the smallest one (0 for an empty list)"""
    return max(numbers) - min(numbers) if numbers else 0


@step()
def inversions(numbers: list[int]) -> int:
    """count the pairs of numbers of which the earlier one is the larger one"""
    return sum(a > b for i, a in enumerate(numbers) for b in numbers[i + 1 :])


@step()
def longest_climb(numbers: list[int]) -> int:
    """take the length of the longest stretch of neighbours in which each number is larger than the
    one before it (0 for an empty list)"""
    best = length = 0
    for i, n in enumerate(numbers):
        length = length + 1 if i and n > numbers[i - 1] else 1
        best = max(best, length)
    return best


@step()
def best_stretch(numbers: list[int]) -> int:
    """take the largest sum of any stretch of neighbours, the empty stretch with the sum 0
    included"""
    best = here = 0
    for n in numbers:
        here = max(0, here + n)
        best = max(best, here)
    return best


@step(0, 5, 10, 15)
def pairs_with_sum(numbers: list[int], k: int) -> int:
    """count the pairs of two different places in the list whose numbers have the sum {k}"""
    return sum(a + b == k for i, a in enumerate(numbers) for b in numbers[i + 1 :])


@step()
def alternating_sum(numbers: list[int]) -> int:
    """take the first number minus the second plus the third minus the fourth, and so on"""
    return sum(numbers[::2]) - sum(numbers[1::2])


@step(2, 3, 5, -2)
def times(number: int, k: int) -> int:
    """multiply the number by {k}"""
    return number * k


@step(1, 4, 7, -3)
def plus(number: int, k: int) -> int:
    """add {k} to the number"""
    return number + k


@step(3, 7, 10, 13)
def remainder(number: int, k: int) -> int:
    """take the remainder of the number on division by {k}, which is never negative"""
    return number % k


@step()
def digit_sum(number: int) -> int:
    """take the sum of the number's decimal digits, the sign ignored"""
    return sum(int(d) for d in str(abs(number)))


@step()
def collatz_length(number: int) -> int:
    """count how often the number has to be replaced, by its half where it is even and by three
    times itself plus one where it is odd, until it is 1 (0 for numbers below 2)"""
    count = 0
    while number > 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
    return count


@step()
def count_divisors(number: int) -> int:
    """count the positive divisors of the number, the sign ignored (0 for the number 0)"""
    number = abs(number)
    count = 0
    d = 1
    while d * d <= number:
        if number % d == 0:
            count += 1 if d * d == number else 2
        d += 1
    return count


@step()
def in_binary(number: int) -> str:
    """write the number in binary digits, with a minus sign in front where it is negative"""
    return f"{number:b}"


@step()
def digits(number: int) -> list[int]:
    """make a list of the number's decimal digits, from left to right, the sign ignored"""
    return [int(d) for d in str(abs(number))]


@step(2, 3, 4, 6)
def longer_than(numbers: list[int], k: int) -> bool:
    """the list holds more than {k} numbers"""
    return len(numbers) > k


@step(0, 10, 30)
def sums_above(numbers: list[int], k: int) -> bool:
    """the sum of the numbers is above {k}"""
    return sum(numbers) > k


@step()
def starts_even(numbers: list[int]) -> bool:
    """the list begins with an even number"""
    return bool(numbers) and numbers[0] % 2 == 0


@step(2, 3)
def divisible(number: int, k: int) -> bool:
    """the number is divisible by {k}"""
    return number % k == 0
