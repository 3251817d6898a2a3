"""What the broker tells about the machine it runs on."""

import os
import time


def memory_bytes() -> int:
    """Physical memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def disk_bytes(folder: str) -> tuple[int, int]:
    """Size of the file system that holds the folder, or will once it is made, and what of it is free for us."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    status = os.statvfs(folder)
    return status.f_frsize * status.f_blocks, status.f_frsize * status.f_bavail


def day_starts_ms(now_ms: int) -> int:
    """When a local day begins, as an offset from the UTC day."""
    return -time.localtime(now_ms / 1000).tm_gmtoff * 1000
