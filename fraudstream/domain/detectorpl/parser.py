"""Reads a condition by recursive descent: or, and, !, comparison, sum, product, value, from the loosest to the tightest."""

from collections.abc import Callable, Mapping

from fraudstream.domain.detectorpl.tokens import NotACondition, Token, tokens
from fraudstream.domain.detectorpl.tree import (
    Among,
    Arithmetic,
    Changed,
    Comparison,
    Constant,
    Joined,
    Matching,
    Missing,
    Node,
    Not,
    OnList,
    Type,
    Variable,
)
from fraudstream.domain.names import did_you_mean

LEVELS_MAX = 40
"""Of brackets and `!`."""

COMPARISONS = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
"""As they are written -> as SQL writes them."""
LETTERS = {"uppercase": "UPPER", "lowercase": "LOWER"}
NOT_BUILT = ("getcurrentdatetime", "isbefore", "isafter", "getepochmilliseconds")


def parsed(text: str, variables: Mapping[str, Type]) -> Node:
    """Return the tree of a condition on these variables; raises NotACondition."""
    return Parser(text, variables).condition()


class Parser:
    """The words of one text, and how far they are read."""

    def __init__(self, text: str, variables: Mapping[str, Type]) -> None:
        self._tokens = list(tokens(text))
        self._variables = variables
        self._at = 0
        self._level = 0

    def condition(self) -> Node:
        """Return the whole; raises NotACondition."""
        first = self._next
        node = self._either()
        if self._next.kind != "end":
            raise self._wrong(f"{self._next.text!r} is not expected")
        return self._must_be(node, "truth", first)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *words: str) -> str:
        """Return the next word and go on, if it is one of these; else nothing."""
        token = self._next
        if token.kind not in ("sign", "name") or token.text not in words:
            return ""
        self._at += 1
        return token.text

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise self._wrong(f"{word!r} is expected, not {self._next.text!r}")

    def _wrong(self, why: str, token: Token | None = None) -> NotACondition:
        return NotACondition(f"{why} (character {(token or self._next).place})")

    def _must_be(self, node: Node, wanted: Type, token: Token) -> Node:
        if node.type != wanted:
            names = {"number": "a number", "text": "text", "truth": "a condition"}
            raise self._wrong(f"{names[wanted]} is expected, not {names[node.type]}", token)
        return node

    def _either(self) -> Node:
        self._level += 1
        if self._level > LEVELS_MAX:
            raise self._wrong(f"there are more than {LEVELS_MAX} levels of brackets")
        parts = [self._both()]
        while self._joined_by("or", parts[0]):
            parts.append(self._truth(self._both))
        self._level -= 1
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def _both(self) -> Node:
        parts = [self._opposite()]
        while self._joined_by("and", parts[0]):
            parts.append(self._truth(self._opposite))
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _joined_by(self, word: str, first: Node) -> bool:
        token = self._next
        return bool(self._take(word)) and self._must_be(first, "truth", token) is first

    def _truth(self, part: Callable[[], Node]) -> Node:
        token = self._next
        return self._must_be(part(), "truth", token)

    def _opposite(self) -> Node:
        signs = 0
        while self._take("!"):
            signs += 1
        if not signs:
            return self._compared()
        token = self._next
        node = self._must_be(self._compared(), "truth", token)
        return Not(node) if signs % 2 else Not(Not(node))

    def _compared(self) -> Node:
        left = self._sum()
        token = self._next
        if operator := self._take(*COMPARISONS):
            if self._take("null"):
                if operator not in ("==", "!="):
                    raise self._wrong("null is compared with == or !=", token)
                return Missing(left, negated=operator == "!=")
            right = self._must_be(self._sum(), left.type, token)
            if left.type == "truth" and operator not in ("==", "!="):
                raise self._wrong("conditions are compared with == or !=", token)
            return Comparison(COMPARISONS[operator], left, right)
        negated = bool(self._take("not"))
        if self._take("in"):
            return self._on_list(left, token, negated) or Among(left, self._constants(left.type), negated)
        if negated:
            raise self._wrong("'in' is expected after 'not'")
        return left

    def _on_list(self, left: Node, at: Token, negated: bool) -> OnList | None:
        """Return what asks a list; None if constants follow."""
        if not self._take("@"):
            return None
        if not isinstance(left, Variable) or left.type != "text":
            raise self._wrong("lists are asked for the text of a variable", at)
        name = self._next
        if name.kind != "name":
            raise self._wrong("the name of a list is expected")
        self._at += 1
        return OnList(left, name.text, negated)

    def _constants(self, wanted: Type) -> tuple[Constant, ...]:
        self._need("[")
        values: list[Constant] = []
        while not values or self._take(","):
            token = self._next
            value = self._must_be(self._signed(), wanted, token)
            if not isinstance(value, Constant):
                raise self._wrong("a constant is expected", token)
            values.append(value)
        self._need("]")
        return tuple(values)

    def _sum(self) -> Node:
        return self._calculated(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._calculated(("*", "/", "%"), self._signed)

    def _calculated(self, operators: tuple[str, ...], part: Callable[[], Node]) -> Node:
        token = self._next
        node = part()
        while operator := self._take(*operators):
            self._must_be(node, "number", token)
            token = self._next
            node = Arithmetic(operator, node, self._must_be(part(), "number", token))
        return node

    def _signed(self) -> Node:
        if not self._take("-"):
            return self._value()
        token = self._next
        node = self._must_be(self._value(), "number", token)
        if isinstance(node, Constant):
            return Constant(-float(node.value), "number")
        return Arithmetic("-", Constant(0.0, "number"), node)

    def _value(self) -> Node:
        token = self._next
        if self._take("("):
            node = self._either()
            self._need(")")
            return node
        if token.kind == "name" and token.text not in ("true", "false"):
            return self._called()
        self._at += token.kind != "end"
        match token.kind:
            case "number":
                return Constant(float(token.text), "number")
            case "text":
                return Constant(token.text, "text")
            case "name":
                return Constant(token.text == "true", "truth")
            case "variable":
                if token.text not in self._variables:
                    near = did_you_mean(token.text, self._variables)
                    raise self._wrong(f"there is no variable ${token.text}{near}", token)
                return Variable(token.text, self._variables[token.text])
        raise self._wrong(f"a value is expected, not {token.text!r}", token)

    def _called(self) -> Node:
        """Return a function with what it is given."""
        token = self._next
        if token.text in NOT_BUILT:
            raise self._wrong(f"{token.text} is not supported")
        if token.text not in (*LETTERS, "regex_match"):
            raise self._wrong(
                f"{token.text!r} is not expected: variables begin with $, text is in double quotes"
            )
        self._at += 1
        self._need("(")
        pattern = ""
        if token.text == "regex_match":
            if self._next.kind != "text":
                raise self._wrong("a regular expression in double quotes is expected")
            pattern = self._next.text
            self._at += 1
            self._need(",")
        inner = self._next
        of = self._must_be(self._sum(), "text", inner)
        self._need(")")
        return Changed(LETTERS[token.text], of) if token.text in LETTERS else Matching(pattern, of)
