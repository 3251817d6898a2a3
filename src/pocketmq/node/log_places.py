"""Where a broker's commit log lies: from the settings to a disk."""

import os

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import StoreError, UserError
from pocketmq.model.store_settings import log_folders
from pocketmq.node.preflight import require_folder
from pocketmq.store.commit_log import LOG_FOLDER
from pocketmq.store.disk import PosixDisk
from pocketmq.store.spread_disk import LogPlaces, SpreadDisk


def open_disk(settings: BrokerSettings) -> PosixDisk:
    """The disk of these settings, with absolute paths. UserError if the folders of the log cannot be all of it."""
    root = settings.store_path_root_dir
    places = places_of(settings)
    if places.all == (os.path.join(root, LOG_FOLDER),):
        return PosixDisk(root)
    try:
        return SpreadDisk(root, places)
    except StoreError as error:
        raise UserError(str(error)) from error


def places_of(settings: BrokerSettings) -> LogPlaces:
    """The folders that storePathCommitLog and readOnlyCommitLogStorePaths name (MultiPathMappedFileQueue)."""
    read_only = log_folders(settings.read_only_commit_log_store_paths)
    named = log_folders(settings.store_path_commit_log) or [os.path.join(settings.store_path_root_dir, LOG_FOLDER)]
    return LogPlaces(
        tuple(sorted(set(named) - set(read_only))),
        tuple(sorted(set(read_only))),
        settings.mapped_file_size_commit_log,
        settings.disk_space_clean_forcibly_ratio / 100,
    )


def require_folders(settings: BrokerSettings, root_setting: str) -> None:
    """Proves that files can be made in the root and, where they are there, in the folders of the log. UserError."""
    require_folder(settings.store_path_root_dir, root_setting)
    for place in places_of(settings).writable:
        if os.path.isdir(place):
            require_folder(place, "storePathCommitLog")
