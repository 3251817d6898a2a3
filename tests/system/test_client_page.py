"""The programs in docs/client.md are run as they stand there, but for the address."""

import asyncio
import re
import sys
from pathlib import Path

from pocketmq.testing.embedded import embedded

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "client.md"
ADDRESS = "127.0.0.1:9876"
PATIENCE_SECONDS = 120.0


def test_every_program_runs(tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    printed = asyncio.run(_run(tmp_path, programs))
    send, request, iterate, handle, administer, fail = printed
    assert "MessageQueue(topic='orders'" in send
    assert "SendStatus.OK" in send
    assert request == "b'pong'\n"
    assert iterate == "b'one tea' drink ('order-1',) 0\n"
    assert "b'one tea'" in handle
    assert "ASYNC_FLUSH" in administer
    assert "b'one tea'" in administer
    assert "cannot connect" in fail


async def _run(folder: Path, programs: list[str]) -> list[str]:
    printed = []
    async with asyncio.timeout(PATIENCE_SECONDS), embedded(folder) as cluster:
        for program in programs:
            text = program.replace(ADDRESS, cluster.namesrv_address)
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            out, err = await child.communicate()
            assert child.returncode == 0, err.decode()
            printed.append(out.decode())
    return printed
