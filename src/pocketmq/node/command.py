"""What every program of PocketMQ does around its work: mistakes become one line and an exit status."""

import argparse
import os
import sys
from collections.abc import Callable

from pocketmq.model.errors import PocketMQError, UserError

FAILED = 1
MISTAKEN = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    """Declares where a server logs and how much."""
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    parser.add_argument("--log-dir", metavar="DIR", help="write the log there, not to standard error")


def exit_status(program: str, work: Callable[[], int]) -> int:
    """The work's own status; 2 for a person's mistake, 1 for what store or server refused, each said in one line."""
    try:
        status = work()
        sys.stdout.flush()
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return MISTAKEN
    except PocketMQError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at its end, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return status
