"""A group of commands that suggests the nearest name for a misspelt one; click does so for options only."""

import click

from fraudstream.domain.names import did_you_mean

SENTENCE_MAX = 1000
"""Characters; click needs a limit."""


class Group(click.Group):
    """The class of all our command groups."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, or fail with a suggestion."""
        word, known = args[0], self.list_commands(ctx)
        if not word.startswith("-") and word not in known and (near := did_you_mean(word, known)):
            ctx.fail(f"No such command '{word}'{near}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their whole first sentence; click would cut it at the width of the terminal."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(limit=SENTENCE_MAX)) for name, command in found if command]
            )
