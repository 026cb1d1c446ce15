"""`fraudstream inbox` that kills itself at a step: python -m tests.inbox.killed_inbox STEP run ..."""

import os
import signal
import sys
from dataclasses import replace

from fraudstream.cli import main
from fraudstream.commands import inbox as command
from fraudstream.inbox.records import Record
from fraudstream.inbox.running import InboxListener

ordinary = command._listener
wanted = sys.argv[1]


def killing(tried: list[Record], as_json: bool) -> InboxListener:
    """Return a listener that ends the process as if the power failed, when the wanted step is told."""

    def step(step: str, name: str) -> None:
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return replace(ordinary(tried, as_json), step=step)


command._listener = killing
main(["inbox", *sys.argv[2:]])
