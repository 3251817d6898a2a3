"""A small ext4 file system of its own in a file, whose power can be cut: needs root, loop devices and mkfs.ext4.

The cut is ext4's own: the ioctl EXT4_IOC_SHUTDOWN, without flushing its journal, drops what was not synced.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class LoopDisk:
    """Use as a context: on leaving it the file system is unmounted, detached and gone, whatever happened."""

    def __init__(self, mebibytes: int) -> None:
        self._mebibytes = mebibytes
        self.folder = Path()
        self.mount_point = Path()

    def __enter__(self) -> "LoopDisk":
        self.folder = Path(tempfile.mkdtemp(prefix="pocketmq-loop-"))
        self.mount_point = self.folder / "mounted"
        self.mount_point.mkdir()
        try:
            with self._image.open("wb") as image:
                image.truncate(self._mebibytes << 20)
            run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
            self.mount()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _image(self) -> Path:
        return self.folder / "image"

    def mount(self) -> None:
        """Mount the image; the loop device goes with the mount."""
        run("mount", "-o", "loop", str(self._image), str(self.mount_point))

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and what had not been synced never will."""
        folder = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def remount(self) -> None:
        """As a machine that starts again: the journal is replayed."""
        run("umount", str(self.mount_point))
        self.mount()

    def close(self) -> None:
        """Unmount, detach, remove."""
        if os.path.ismount(self.mount_point):
            run("umount", str(self.mount_point))
        shutil.rmtree(self.folder)


def run(*command: str) -> None:
    """Run a program of the system; its words come with the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


def missing() -> str:
    """Why there can be no loop disk here; empty if there can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if not os.path.exists("/dev/loop-control"):
        return "needs loop devices"
    try:
        with LoopDisk(16) as disk:
            disk.cut_power()
    except OSError as failure:
        return f"a loop device with ext4 cannot be had: {failure}"
    return ""
