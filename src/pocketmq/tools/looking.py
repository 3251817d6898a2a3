"""Opens a store's folder for those who only look at it."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pocketmq.model.errors import StoreError, UserError
from pocketmq.tools.store_lock import find_holder

if TYPE_CHECKING:
    from pocketmq.store.disk import PosixDisk
    from pocketmq.store.read_only_disk import ReadOnlyDisk


def add_commit_log_flag(parser: argparse.ArgumentParser) -> None:
    """Declares `--commit-log`, for a store whose log does not lie where it usually does."""
    parser.add_argument(
        "--commit-log",
        default="",
        metavar="DIRS",
        help="the folders of the log, with a comma between (storePathCommitLog, readOnlyCommitLogStorePaths)",
    )


def log_folders_of(folder: str, commit_log: str) -> list[str]:
    """The folders of the log, absolute; `commitlog` in the store's folder unless `--commit-log` says otherwise."""
    from pocketmq.model.store_settings import log_folders
    from pocketmq.store.commit_log import LOG_FOLDER

    named = [os.path.abspath(os.path.expanduser(place)) for place in log_folders(commit_log)]
    return named or [os.path.join(folder, LOG_FOLDER)]


def disk_of(folder: str, commit_log: str, *, reads_only: bool = False) -> "PosixDisk":
    """The store's disk. StoreError if the folders of the log cannot be all of it."""
    from pocketmq.store.disk import PosixDisk
    from pocketmq.store.spread_disk import LogPlaces, SpreadDisk

    if not commit_log:
        return PosixDisk(folder, reads_only=reads_only)
    places = LogPlaces(tuple(sorted(set(log_folders_of(folder, commit_log)))))
    return SpreadDisk(folder, places, reads_only=reads_only)


@contextlib.contextmanager
def looking_at(folder: str, commit_log: str = "") -> "Iterator[ReadOnlyDisk]":
    """The folder's disk. UserError for a folder that cannot be read, or in which the files are no store's."""
    from pocketmq.store.read_only_disk import ReadOnlyDisk

    if not os.path.isdir(folder):
        raise UserError(f"{folder} is no folder")
    holder = find_holder(folder)
    if holder is not None:
        print(f"{folder} is in use by {holder}: what follows may have moved meanwhile", file=sys.stderr)
    try:
        yield ReadOnlyDisk(disk_of(folder, commit_log, reads_only=True))
    except (StoreError, UserError) as error:
        raise UserError(f"{folder}: {error}") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{folder}: cannot read {error.filename or 'it'}: {error.strerror or error}") from error
