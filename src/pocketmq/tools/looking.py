"""Opens a store's folder for those who only look at it."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pocketmq.model.errors import StoreError, UserError
from pocketmq.tools.store_lock import find_holder

if TYPE_CHECKING:
    from pocketmq.store.read_only_disk import ReadOnlyDisk


@contextlib.contextmanager
def looking_at(folder: str) -> "Iterator[ReadOnlyDisk]":
    """The folder's disk. UserError for a folder that cannot be read, or in which the files are no store's."""
    from pocketmq.store.disk import PosixDisk
    from pocketmq.store.read_only_disk import ReadOnlyDisk

    if not os.path.isdir(folder):
        raise UserError(f"{folder} is no folder")
    holder = find_holder(folder)
    if holder is not None:
        print(f"{folder} is in use by {holder}: what follows may have moved meanwhile", file=sys.stderr)
    try:
        yield ReadOnlyDisk(PosixDisk(folder, reads_only=True))
    except (StoreError, UserError) as error:
        raise UserError(f"{folder}: {error}") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{folder}: cannot read {error.filename or 'it'}: {error.strerror or error}") from error
