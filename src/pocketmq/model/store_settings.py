"""Settings of the store: files, flushing, retention, timers, copies (RocketMQ's MessageStoreConfig)."""

from dataclasses import dataclass
from enum import StrEnum

from pocketmq.model.settings import LONG_MAX, Settings, choice, integer, switch, text

DAY_SECONDS = 24 * 3600


class FlushDiskType(StrEnum):
    """When a send is answered: at once, or after its record is on the disk."""

    ASYNC_FLUSH = "ASYNC_FLUSH"
    SYNC_FLUSH = "SYNC_FLUSH"


class BrokerRole(StrEnum):
    """A master that waits for its replicas, one that does not, or a replica."""

    ASYNC_MASTER = "ASYNC_MASTER"
    SYNC_MASTER = "SYNC_MASTER"
    SLAVE = "SLAVE"


@dataclass(slots=True, eq=False, repr=False)
class StoreSettings(Settings):
    """What MessageStoreConfig holds; `BrokerSettings` continues it."""

    # Places
    store_path_root_dir: str = text(
        "storePathRootDir", "~/store", "Folder of everything the broker keeps.", at_start=True, important=True
    )
    store_path_commit_log: str = text(
        "storePathCommitLog",
        "",
        "Folder of the commit log, or several with a comma between: files go to them in turn; `commitlog` in the root "
        "folder unless given.",
        at_start=True,
        important=True,
        absent_when_empty=True,
    )
    read_only_commit_log_store_paths: str = text(
        "readOnlyCommitLogStorePaths",
        "",
        "Folders with files of the commit log that get no new ones, with a comma between.",
        at_start=True,
        absent_when_empty=True,
    )

    # Sizes
    mapped_file_size_commit_log: int = integer(
        "mappedFileSizeCommitLog", 1 << 30, "Bytes of one commit log file.", low=4096, at_start=True
    )
    mapped_file_size_consume_queue: int = integer(
        "mappedFileSizeConsumeQueue",
        6_000_000,
        "Bytes of one consume queue file; rounded up to whole 20-byte entries.",
        low=20,
        at_start=True,
    )
    mapper_file_size_batch_consume_queue: int = integer(
        "mapperFileSizeBatchConsumeQueue",
        13_800_000,
        "Bytes of one batch consume queue file; rounded up to whole 46-byte units.",
        low=46,
        at_start=True,
    )
    enable_consume_queue_ext: bool = switch(
        "enableConsumeQueueExt",
        False,
        "Keep for each entry of a consume queue a unit in the queue's extension.",
        at_start=True,
    )
    mapped_file_size_consume_queue_ext: int = integer(
        "mappedFileSizeConsumeQueueExt", 48 << 20, "Bytes of one consume queue extension file.", low=64, at_start=True
    )
    mapped_file_size_timer_log: int = integer(
        "mappedFileSizeTimerLog", 100 << 20, "Bytes of one timer log file.", low=4096, at_start=True
    )
    max_hash_slot_num: int = integer(
        "maxHashSlotNum", 5_000_000, "Hash slots of one key index file.", low=1, at_start=True
    )
    max_index_num: int = integer("maxIndexNum", 20_000_000, "Entries of one key index file.", low=2, at_start=True)
    max_message_size: int = integer(
        "maxMessageSize", 4 << 20, "Largest message body in bytes that a send may carry.", low=1, at_start=True
    )
    max_filter_message_size: int = integer(
        "maxFilterMessageSize", 16_000, "Bytes of queue entries that one pull looks through for matches.", low=20
    )

    # Flushing
    flush_disk_type: FlushDiskType = choice(  # noqa: RUF009 - it makes a field
        "flushDiskType",
        FlushDiskType.ASYNC_FLUSH,
        "Answer a send at once (ASYNC_FLUSH) or when its record is on the disk (SYNC_FLUSH).",
        important=True,
        at_start=True,
    )
    flush_interval_commit_log: int = integer(
        "flushIntervalCommitLog",
        500,
        "Milliseconds between two flushes of the commit log under ASYNC_FLUSH.",
        low=1,
        important=True,
        at_start=True,
    )
    flush_interval_consume_queue: int = integer(
        "flushIntervalConsumeQueue", 1000, "Milliseconds between two flushes of the consume queues.", low=1
    )
    sync_flush_timeout: int = integer(
        "syncFlushTimeout",
        5000,
        "Milliseconds a send waits for the disk before it answers FLUSH_DISK_TIMEOUT.",
        low=1,
        at_start=True,
    )
    put_message_timeout: int = integer(
        "putMessageTimeout", 8000, "Milliseconds a send waits for disk and replicas together.", low=1
    )

    # Records
    check_crc_on_recover: bool = switch(
        "checkCRCOnRecover", True, "Check body checksums while the log is recovered after a crash.", at_start=True
    )
    enabled_append_prop_crc: bool = switch(
        "enabledAppendPropCRC", False, "Append a checksum of the whole record to its properties.", at_start=True
    )
    force_verify_prop_crc: bool = switch(
        "forceVerifyPropCRC", False, "Take a record whose checksum of all of it is wrong for damaged.", at_start=True
    )
    auto_message_version_on_topic_len: bool = switch(
        "autoMessageVersionOnTopicLen", True, "Write version 2 records for topics longer than 127 bytes."
    )
    message_index_enable: bool = switch(
        "messageIndexEnable", True, "Keep the index that finds messages by key.", important=True, at_start=True
    )
    max_msgs_num_batch: int = integer("maxMsgsNumBatch", 64, "Most messages that one query by key returns.", low=1)

    # Retention
    delete_when: str = text(
        "deleteWhen", "04", "Hours of the day (`04;16`) at which expired files are deleted.", important=True
    )
    file_reserved_time: int = integer(
        "fileReservedTime", 72, "Hours a commit log file is kept after its last record.", low=1, important=True
    )
    delete_file_batch_max: int = integer(
        "deleteFileBatchMax", 10, "Most commit log files deleted in one turn.", low=1, important=True
    )
    clean_resource_interval: int = integer(
        "cleanResourceInterval", 10_000, "Milliseconds between two looks for expired files.", low=1
    )
    clean_file_forcibly_enable: bool = switch(
        "cleanFileForciblyEnable",
        True,
        "Delete old files before their time when the disk is full; unless the key is given, none is.",
        important=True,
    )
    disk_max_used_space_ratio: int = integer(
        "diskMaxUsedSpaceRatio", 75, "Per cent of the disk in use from which expired files go at any hour.", high=100
    )
    disk_space_clean_forcibly_ratio: int = integer(
        "diskSpaceCleanForciblyRatio",
        85,
        "Per cent of the disk in use from which files go before their time.",
        high=100,
    )
    disk_space_warning_level_ratio: int = integer(
        "diskSpaceWarningLevelRatio", 90, "Per cent of the disk in use from which sends are refused.", high=100
    )

    # Reading
    access_message_in_memory_max_ratio: int = integer(
        "accessMessageInMemoryMaxRatio",
        40,
        "Per cent of the memory that the newest records may fill; what is older counts as read from disk.",
        high=100,
        important=True,
    )
    max_transfer_bytes_on_message_in_memory: int = integer(
        "maxTransferBytesOnMessageInMemory", 256 << 10, "Most bytes of one pull from memory.", low=1, important=True
    )
    max_transfer_count_on_message_in_memory: int = integer(
        "maxTransferCountOnMessageInMemory", 32, "Most messages of one pull from memory.", low=1, important=True
    )
    max_transfer_bytes_on_message_in_disk: int = integer(
        "maxTransferBytesOnMessageInDisk", 64 << 10, "Most bytes of one pull from disk.", low=1, important=True
    )
    max_transfer_count_on_message_in_disk: int = integer(
        "maxTransferCountOnMessageInDisk", 8, "Most messages of one pull from disk.", low=1, important=True
    )
    pull_batch_max_message_count: int = integer(
        "pullBatchMaxMessageCount", 160, "Most messages of one pull, wherever they lie.", low=1
    )
    default_query_max_num: int = integer(
        "defaultQueryMaxNum", 32, "Messages a query by key returns when it does not say how many.", low=1
    )
    max_consume_queue_scan: int = integer(
        "maxConsumeQueueScan", 20_000, "Queue entries looked at before a lag under a filter is estimated.", low=1
    )
    sample_count_threshold: int = integer(
        "sampleCountThreshold", 5000, "Matching entries after which a lag under a filter is estimated.", low=1
    )

    # Delays and timers
    message_delay_level: str = text(
        "messageDelayLevel",
        "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
        "Delays of the levels 1, 2, 3 and so on: a number and s, m, h or d.",
        at_start=True,
    )
    flush_delay_offset_interval: int = integer(
        "flushDelayOffsetInterval", 10_000, "Milliseconds between two writes of `delayOffset.json`.", low=1
    )
    timer_wheel_enable: bool = switch(
        "timerWheelEnable", True, "Accept messages with a delivery time of their own.", at_start=True
    )
    timer_precision_ms: int = integer(
        "timerPrecisionMs", 1000, "Milliseconds of one slot of the timer wheel.", low=1, high=60_000, at_start=True
    )
    timer_roll_window_slot: int = integer(
        "timerRollWindowSlot",
        2 * DAY_SECONDS,
        "Slots after which a timer is put back into the wheel for the rest of its time.",
        low=2,
        at_start=True,
    )
    timer_max_delay_sec: int = integer(
        "timerMaxDelaySec", 3 * DAY_SECONDS, "Longest delay in seconds that a send may ask for.", low=1
    )
    timer_flush_interval_ms: int = integer(
        "timerFlushIntervalMs", 1000, "Milliseconds between two flushes of timer wheel and timer log.", low=1
    )
    timer_congest_num_each_slot: int = integer(
        "timerCongestNumEachSlot", 2**31 - 1, "Timers in one slot of the wheel beyond which sends are refused.", low=1
    )
    timer_intercept_delay_level: bool = switch(
        "timerInterceptDelayLevel", False, "Let the timer wheel serve the delay levels too."
    )
    timer_stop_enqueue: bool = switch("timerStopEnqueue", False, "Take no more timers out of the log into the wheel.")
    timer_stop_dequeue: bool = switch("timerStopDequeue", False, "Deliver no timers, however late they become.")
    append_topic_for_timer_delete_key: bool = switch(
        "appendTopicForTimerDeleteKey", False, "Recall a timer by its topic and unique key, not by the key alone."
    )

    # Light queues
    enable_lmq: bool = switch("enableLmq", False, "Let a message name light queues it also belongs to.", at_start=True)
    enable_multi_dispatch: bool = switch(
        "enableMultiDispatch", False, "Put a message into the light queues that its INNER_MULTI_DISPATCH names."
    )
    max_lmq_consume_queue_num: int = integer(
        "maxLmqConsumeQueueNum", 20_000, "Most light queues a broker keeps.", low=1
    )

    # Copies
    broker_role: BrokerRole = choice(  # noqa: RUF009 - it makes a field
        "brokerRole",
        BrokerRole.ASYNC_MASTER,
        "ASYNC_MASTER, SYNC_MASTER (a send waits for `inSyncReplicas` copies) or SLAVE.",
        at_start=True,
        important=True,
    )
    ha_listen_port: int = integer(
        "haListenPort", 0, "Port replicas copy from; 0 is `listenPort` + 1.", high=65535, at_start=True
    )
    ha_master_address: str = text(
        "haMasterAddress",
        "",
        "`host:port` of the master's copy port; the name server knows it unless given.",
        important=True,
        absent_when_empty=True,
    )
    ha_send_heartbeat_interval: int = integer(
        "haSendHeartbeatInterval", 5000, "Milliseconds of silence after which master and replica say they live.", low=1
    )
    ha_housekeeping_interval: int = integer(
        "haHousekeepingInterval", 20_000, "Milliseconds of silence after which a copy connection is given up.", low=1
    )
    ha_transfer_batch_size: int = integer(
        "haTransferBatchSize", 32 << 10, "Most bytes of log in one frame to a replica.", low=1
    )
    ha_max_gap_not_in_sync: int = integer(
        "haMaxGapNotInSync", 256 << 20, "Bytes a replica may lag before it no longer counts as in sync.", low=1
    )
    slave_timeout: int = integer(
        "slaveTimeout", 3000, "Milliseconds a send waits for replicas before it answers FLUSH_SLAVE_TIMEOUT.", low=1
    )
    total_replicas: int = integer(
        "totalReplicas", 1, "Copies of each message, the master's own among them.", low=1, important=True
    )
    in_sync_replicas: int = integer(
        "inSyncReplicas", 1, "Copies a SYNC_MASTER waits for, its own among them.", low=1, important=True
    )
    min_in_sync_replicas: int = integer(
        "minInSyncReplicas",
        1,
        "Fewest copies a SYNC_MASTER falls back to under `enableAutoInSyncReplicas`.",
        low=1,
        important=True,
    )
    all_ack_in_sync_state_set: bool = switch(
        "allAckInSyncStateSet", False, "Wait for every replica that is in sync.", important=True
    )
    enable_auto_in_sync_replicas: bool = switch(
        "enableAutoInSyncReplicas", False, "Wait for fewer replicas while fewer are in sync.", important=True
    )
    ha_flow_control_enable: bool = switch(
        "haFlowControlEnable", False, "Bound the speed of copying to each replica.", important=True
    )
    max_ha_transfer_byte_in_second: int = integer(
        "maxHaTransferByteInSecond",
        100 << 20,
        "Most bytes a second to each replica under `haFlowControlEnable`.",
        low=1,
        high=LONG_MAX,
    )
    sync_from_last_file: bool = switch(
        "syncFromLastFile", False, "Let an empty replica copy from the last log file on, not from the first."
    )
    offset_check_in_slave: bool = switch(
        "offsetCheckInSlave", False, "Let a replica answer OFFSET_ILLEGAL for offsets it does not have yet."
    )


def log_folders(setting: str) -> list[str]:
    """The folders that storePathCommitLog or readOnlyCommitLogStorePaths names (MixAll.MULTI_PATH_SPLITTER)."""
    return [path for path in (part.strip() for part in setting.split(",")) if path]
