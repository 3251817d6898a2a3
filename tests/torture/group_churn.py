"""The members of one group: processes that come, leave in good order, and are killed."""

import asyncio
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from group_log import GONE, MS, OWNERS, Event

from pocketmq.testing.consumption_history import History

MEMBERS = 3
MEMBERS_MAX = 4
PAUSE_SECONDS = (2.0, 6.0)
KILLED_SHARE = 0.4
LEAVE_SECONDS_MAX = 20.0
BALANCED_MS = 25_000
"""After somebody came or went until each member has balanced: the others hear of it at once, and if they did not
(the broker was down) look every 20 seconds (RebalanceService.waitInterval)."""


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether it was set within that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@dataclass(slots=True)
class Group:
    """`arguments` are what each member is told; what happens goes into `outside` and `disturbances`."""

    kind: str
    name: str
    folder: Path
    source: random.Random
    arguments: list[str]
    joins: int = 0
    leaves: int = 0
    kills: int = 0
    outside: list[Event] = field(default_factory=list)
    disturbances: list[tuple[int, int, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _members: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def logs(self) -> list[Path]:
        """Of all members that ever were."""
        return [self.folder / f"{self.name}-{number}.deliveries" for number in range(1, self.joins + 1)]

    async def join(self) -> None:
        """One more member."""
        self.joins += 1
        member = f"{self.name}-{self.joins}"
        command = [sys.executable, str(Path(__file__).parent / "group_member.py"), self.kind, *self.arguments]
        command += ["--group", self.name, "--member", member, "--seed", str(self.source.getrandbits(32))]
        command += ["--log", str(self.folder / f"{member}.deliveries")]
        with (self.folder / f"{member}.log").open("ab") as errors:
            self._members[member] = await asyncio.create_subprocess_exec(*command, stderr=errors)
        self._disturbed(f"{member} joins")

    async def live(self, calm: asyncio.Event) -> None:
        """Members come and go every few seconds, until it is to be calm; then there are `MEMBERS`."""
        while not await wait(calm, self.source.uniform(*PAUSE_SECONDS)):
            count = len(self._members)
            if count <= 1 or (count < MEMBERS_MAX and self.source.random() < (MEMBERS_MAX - count) / MEMBERS_MAX):
                await self.join()
            else:
                await self._part(self.source.choice(list(self._members)))
        while len(self._members) < MEMBERS:
            await self.join()
        while len(self._members) > MEMBERS:
            await self._leave(next(iter(self._members)))

    async def end(self) -> None:
        """Note who has which queue, then let everybody leave."""
        self.outside.append(Event(time.monotonic_ns(), "", [OWNERS]))
        await asyncio.gather(*(self._leave(member) for member in list(self._members)))

    async def kill_all(self) -> None:
        """Whatever happened, no process stays behind."""
        for process in self._members.values():
            if process.returncode is None:
                process.kill()
            await process.wait()

    def told(self, history: History) -> History:
        """With the disturbances that came from here."""
        for begun, lasts, what in self.disturbances:
            history.disturbed(what, begun, lasts)
        return history

    async def _part(self, member: str) -> None:
        process = self._members[member]
        if self.source.random() >= KILLED_SHARE or process.returncode is not None:
            await self._leave(member)
            return
        process.kill()
        await self._ended(member, expected=-signal.SIGKILL)
        self.kills += 1

    async def _leave(self, member: str) -> None:
        process = self._members[member]
        if process.returncode is None:
            self._disturbed(f"{member} leaves")
            process.terminate()
        try:
            async with asyncio.timeout(LEAVE_SECONDS_MAX):
                await process.wait()
        except TimeoutError:
            self.violations.append(f"{member} did not leave within {LEAVE_SECONDS_MAX:g} s")
            process.kill()
            await process.wait()
        await self._ended(member, expected=0)
        self.leaves += 1

    async def _ended(self, member: str, *, expected: int) -> None:
        status = await self._members.pop(member).wait()
        # One that was told to go before it had begun is ended by the signal itself.
        if status not in (expected, -signal.SIGTERM):
            self.violations.append(f"{member} ended with status {status}: see {self.folder / f'{member}.log'}")
        self.outside.append(Event(time.monotonic_ns(), member, [GONE]))
        self._disturbed(f"{member} has gone")

    def _disturbed(self, what: str) -> None:
        self.disturbances.append((time.monotonic_ns() // MS, BALANCED_MS, what))
