"""Sets up logging: where to, how much, and never a card number, whatever library logs it.

Masking happens when a record is created, so before any handler, formatter or logger of a library.
"""

import logging
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

from fraudstream.domain.card_numbers import masked


def configure_logging(level: str) -> None:
    """Log to stderr, one line each: ours at `level`, libraries at warning (formatting Faust's debug lines costs 9 %)."""
    mask_card_numbers()
    lines = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    lines.converter, lines.default_msec_format = time.gmtime, "%s.%03dZ"  # UTC, and says so
    stderr = logging.StreamHandler()
    stderr.setFormatter(lines)
    logging.basicConfig(level=logging.WARNING, handlers=[stderr])
    logging.getLogger("fraudstream").setLevel(level.upper())


def mask_card_numbers() -> None:
    """Mask card numbers in everything this process logs, and in its last traceback; may be called again."""
    logging.setLogRecordFactory(MaskedRecord)
    sys.excepthook = _print_masked
    threading.excepthook = _print_masked_of_thread
    logging.getLogger("aiokafka.consumer.group_coordinator").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Drop the error that a group has no coordinator yet: normal at the first start on a new broker, and aiokafka retries."""
    return "GroupCoordinatorNotAvailableError" not in str(record.msg)


class MaskedRecord(logging.LogRecord):
    """A log record whose message and traceback are final and masked; tracebacks show code, not values."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        try:
            message = self.getMessage()
        except Exception:  # noqa: BLE001 - logging would print the arguments as they are
            message = f"{self.msg} (its arguments do not fit)"
        self.msg, self.args = masked(message), ()
        if self.exc_info:
            self.exc_text = masked("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))
            self.exc_info = None  # another formatter would format it again, unmasked


def _print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, trace))))


def _print_masked_of_thread(died: threading.ExceptHookArgs) -> None:
    if died.exc_type is not SystemExit:
        name = "?" if died.thread is None else died.thread.name
        trace = traceback.format_exception(died.exc_type, died.exc_value, died.exc_traceback)
        sys.stderr.write(masked(f"Exception in thread {name}:\n{''.join(trace)}"))
