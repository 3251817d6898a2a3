"""Looks before a start for what would go wrong after it: a folder, a port. Each failure is a UserError."""

import errno
import os

from pocketmq.model.errors import UserError
from pocketmq.tools.machine import bind_failure, port_owner


def require_folder(path: str, setting: str) -> None:
    """Makes the folder and proves that files can be made in it; `setting` is what to change if not."""
    probe = os.path.join(path, f".writable-{os.getpid()}")
    try:
        os.makedirs(path, exist_ok=True)
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY, 0o600))
        os.unlink(probe)
    except OSError as error:
        raise UserError(unwritable(path, error, setting)) from error


def unwritable(path: str, error: OSError, setting: str) -> str:
    """Why the folder cannot be written and what to do: who owns it, if that is why."""
    return f"cannot write {path}: {_reason(error, path)}; {_remedy(error)} or set {setting}"


def _reason(error: OSError, path: str) -> str:
    if error.errno not in (errno.EACCES, errno.EPERM):
        return error.strerror or str(error)
    existing = path
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    return f"{existing} is owned by user {os.stat(existing).st_uid}, this is user {os.geteuid()}"


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "make room"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "chown it"
    return "remove what is in the way"


def require_port_free(host: str, port: int, setting: str) -> None:
    """Proves that the port can be listened on; port 0 always can."""
    if port == 0:
        return
    if (failure := bind_failure(host, port)) is None:
        return
    if failure.errno == errno.EADDRINUSE:
        owner = port_owner(port)
        holder = f" by {owner}" if owner else ""
        raise UserError(f"port {port} is in use{holder}; stop it or set {setting}")
    if failure.errno == errno.EACCES:
        raise UserError(f"port {port} needs privileges; set {setting} to one above 1023")
    raise UserError(f"cannot listen on {host}:{port}: {failure.strerror or failure}; is it an address of this machine?")
