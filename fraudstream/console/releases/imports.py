"""Files that are put on lists: what takes longer than a page may is gone on with beside it, and the page shows how far it is."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fraudstream.console.formatting import sentence
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

WAIT_S = 2.0
"""So long whoever begins an import waits for its end; most files are on their list by then."""
FAILED = "it failed; the console's log says why"
REMEMBERED = 20
"""How many imports are known after their end."""

Work = Callable[[Callable[[int], None]], None]
"""Does an import; calls what it is given with how many records more are written."""


@dataclass
class Import:
    """A file that is being put on a list, or was."""

    upload: str
    rows: int
    """How many lines can be put on the list."""
    written: int = 0
    """Records so far; a card that had other tokens before has several."""
    ended: bool = False
    error: Exception | None = None
    """Why it ended before its end."""
    thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """The same in a sentence; empty if there is nothing to say."""
        if self.error is None:
            return ""
        said = str(self.error) if isinstance(self.error, FraudstreamError) else FAILED
        return sentence(said)

    def add(self, number: int) -> None:
        """Note that more is written."""
        self.written += number


class Imports:
    """The imports of a console, those that ended last among them."""

    def __init__(self) -> None:
        self._known: dict[str, Import] = {}
        self._lock = threading.Lock()

    def of(self, upload: str) -> Import | None:
        """Return the import of an upload; None if nothing is known of it."""
        return self._known.get(upload)

    def begin(self, upload: str, rows: int, work: Work) -> Import:
        """Begin an import unless it is under way; return it once it has ended, or has taken a while. Raises what `work` raises by then."""
        with self._lock:
            found = self._known.get(upload)
            if found is None or found.ended:
                found = self._known[upload] = Import(upload, rows)
                found.thread = threading.Thread(target=_run, args=(found, work), daemon=True)
                found.thread.start()
                for old in [each for each in self._known.values() if each.ended][:-REMEMBERED]:
                    del self._known[old.upload]
        assert found.thread is not None
        found.thread.join(WAIT_S)
        if found.ended and found.error is not None:
            raise found.error
        return found


def _run(found: Import, work: Work) -> None:
    try:
        work(found.add)
    except FraudstreamError as error:
        found.error = error
        logger.warning("a file was not put on its list: %s", error)
    except Exception as error:  # the boundary: the page says that there is more in the log
        found.error = error
        logger.exception("a file was not put on its list")
    finally:
        found.ended = True
