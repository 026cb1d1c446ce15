"""A group of commands that suggests the nearest name for a misspelt one; click does so for options only."""

import click

from fraudstream.domain.names import did_you_mean


class Group(click.Group):
    """What every group of ours is."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names, or fail with a suggestion."""
        word, known = args[0], self.list_commands(ctx)
        if not word.startswith("-") and word not in known and (near := did_you_mean(word, known)):
            ctx.fail(f"No such command '{word}'{near}")
        return super().resolve_command(ctx, args)
