"""Logging of the servers: one readable line per event on standard error, or in rolled files under `--log-dir`."""

import logging
import logging.handlers
import sys
from pathlib import Path

from pocketmq.model.errors import StoreError, UserError

LOG_FILE_BYTES_MAX = 128 * 1024 * 1024
"""rmq.broker.logback.xml: maxFileSize."""

LOG_FILES_KEPT = 10

_FORMAT = "{asctime}.{msecs:03.0f} {levelname:<7} {name}: {message}"
_EXPECTED = (UserError, StoreError)


class OneLineFormatter(logging.Formatter):
    """One line per event; a stack trace only for what is our bug."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, "%Y-%m-%d %H:%M:%S", style="{")

    def format(self, record: logging.LogRecord) -> str:
        """The line; line breaks in the message are escaped, so that a peer cannot forge lines."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, _EXPECTED):
            return super().format(record)
        plain = logging.makeLogRecord(record.__dict__)
        plain.exc_info = plain.exc_text = None
        plain.msg, plain.args = f"{record.getMessage()}: {error}", None
        return super().format(plain)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without a stack trace."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


def start_logging(program: str, *, level: str = "INFO", log_dir: str | None = None) -> None:
    """Sends all that is logged to standard error or, with `log_dir`, to `program`.log there; UserError if it cannot."""
    handler = _file_handler(program, Path(log_dir)) if log_dir else logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)


def _file_handler(program: str, log_dir: Path) -> logging.Handler:
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        return logging.handlers.RotatingFileHandler(
            log_dir / f"{program}.log", maxBytes=LOG_FILE_BYTES_MAX, backupCount=LOG_FILES_KEPT, encoding="utf-8"
        )
    except OSError as error:
        raise UserError(f"cannot write logs to {log_dir}: {error.strerror}; choose another --log-dir") from error
