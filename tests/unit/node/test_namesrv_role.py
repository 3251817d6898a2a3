"""A name server's connections: what it answers, and what it does not."""

import asyncio
from pathlib import Path

from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.outcome import Reply
from pocketmq.node.namesrv_role import NamesrvNode
from pocketmq.protocol.codes import RequestCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import encode_request, encode_response
from pocketmq.transport.clock import Clock


def test_answers_are_not_answered_and_nonsense_ends_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        settings = NamesrvSettings()
        settings.bind_address, settings.listen_port = "127.0.0.1", 0
        settings.kv_config_path = str(tmp_path / "kvConfig.json")
        node = NamesrvNode(settings, Clock())
        await node.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        request = encode_request(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, {}, opaque=7)
        (asked,) = Connection().feed(request)
        writer.write(encode_response(asked, Reply()) + request)
        answers = Connection()
        commands = answers.feed(await reader.read(65_536))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        rest = await reader.read()
        assert [command.opaque for command in commands + answers.feed(rest)] == [7]
        writer.close()
        await node.stop()

    asyncio.run(story())
