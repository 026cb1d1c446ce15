"""The mark of a record that the brokers have and nobody can decode; it goes the way of all records."""


class Undecodable(bytes):
    """The value of a record that cannot be decoded: empty, and it knows why."""

    why: str = ""
