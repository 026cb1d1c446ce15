"""Marks a record that cannot be decoded; it is delivered like any other."""


class Undecodable(bytes):
    """The value of a record that cannot be decoded: empty, and it knows why."""

    why: str = ""
