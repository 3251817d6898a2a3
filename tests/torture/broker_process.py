"""A real broker process on given data: started, killed, ended, always by its own handle."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

START_SECONDS_MAX = 60.0


class BrokerFailed(Exception):
    """The broker ended, or never said that it is ready; the text carries the end of its log."""


@dataclass(slots=True)
class BrokerProcess:
    """A broker that has said it is ready."""

    process: asyncio.subprocess.Process
    host: str
    port: int
    start_seconds: float

    async def kill(self) -> None:
        """`kill -9`: nothing of the process runs any more when this returns."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def end(self) -> int:
        """Ask it to stop, as a service manager does; the exit status."""
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), START_SECONDS_MAX)


async def start(data: Path, flags: list[str], log: Path, environment: Mapping[str, str] | None = None) -> BrokerProcess:
    """Run `pocketmq up` on `data` and wait for the line that tells its addresses. Raises BrokerFailed.

    `environment` is added to this process's own.
    """
    command = [str(Path(sys.executable).parent / "pocketmq"), "up", "--json", "--data", str(data)]
    command += ["--host", "127.0.0.1", "--port", "0", "--namesrv-port", "0", *flags]
    began = time.monotonic()
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors, env={**os.environ, **(environment or {})}
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS_MAX)
        address = json.loads(line)["broker"]
    except (TimeoutError, ValueError, KeyError) as wrong:
        if process.returncode is None:
            process.kill()
        status = await process.wait()
        end = log.read_text(errors="replace")[-2000:]
        raise BrokerFailed(f"{' '.join(command)}: {wrong!r}, exit status {status}\n{end}") from wrong
    host, _, port = address.rpartition(":")
    return BrokerProcess(process, host, int(port), time.monotonic() - began)
