"""How much a regular expression can cost: its size as an automaton, about.

Polars uses Rust's regular expressions, which look at each character once for each state at most: there is no pattern that takes
exponential time, but a large one takes tens of milliseconds to compile and, on the worst of texts, to match.
"""

NAMED = frozenset("pPxuU")
"""Escapes that braces may follow: `\\p{Greek}`, `\\x{1F600}`."""

UNICODE_CLASS, OTHER_CLASS, SET = 50, 10, 5
"""`\\w` and `\\p{..}` have hundreds of ranges of characters, `\\d` and `\\s` tens; `.` and `[..]` few."""


def weight(pattern: str) -> int:
    """Return what each part can cost, times how often it is repeated.

    >>> weight("^abc$"), weight("[0-9]{4}"), weight(r"\\w{100}x")
    (5, 20, 5001)
    """
    totals, last, place = [0], 0, 0
    while place < len(pattern):
        character = pattern[place]
        if character == "(":
            totals.append(0)
        elif character == ")" and len(totals) > 1:
            last = totals.pop()
            totals[-1] += last
        elif character == "{" and (times := _times(pattern, place)):
            totals[-1] += last * (times - 1)
            last *= times
            place = pattern.index("}", place)
        else:
            last, place = _part(pattern, place)
            totals[-1] += last
        place += 1
    return sum(totals) * (2 if "(?i" in pattern else 1)


def _part(pattern: str, place: int) -> tuple[int, int]:
    """Return the weight of a character, class or set, and where it ends."""
    if pattern[place] == "\\":
        name, after = pattern[place + 1 : place + 2], pattern[place + 2 : place + 3]
        if after == "{" and name in NAMED:
            end = pattern.find("}", place)
        else:
            end = place + (2 if name in ("p", "P") else 1)
        return (UNICODE_CLASS if name in [*"wWpP"] else OTHER_CLASS if name in [*"dDsS"] else 1), max(
            end, place + 1
        )
    if pattern[place] == ".":
        return SET, place
    if pattern[place] != "[":
        return 1, place
    total, depth = SET, 0
    while place < len(pattern):
        if pattern[place] == "\\":
            inner, place = _part(pattern, place)
            total += inner
        depth += (pattern[place] == "[") - (pattern[place] == "]")
        if not depth:
            break
        place += 1
    return total, place


def _times(pattern: str, place: int) -> int:
    """Return the largest number in a repetition such as {2,5}; 0 if it is none."""
    inner, closed, _ = pattern[place + 1 :].partition("}")
    numbers = [int(number) for number in inner.split(",") if number.strip().isdecimal()]
    return max(numbers, default=0) if closed else 0
