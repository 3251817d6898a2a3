"""How each group fetches each topic, as far as somebody has said (MessageRequestModeManager)."""

from pocketmq.model.errors import Refusal
from pocketmq.model.limits import REQUEST_MODES_MAX
from pocketmq.protocol.bodies.clients import MessageRequestModeSerializeWrapper, SetMessageRequestModeRequestBody
from pocketmq.protocol.codes import ResponseCode


class RequestModeTable:
    """What SET_MESSAGE_REQUEST_MODE said, by topic and group. As in Java it outlives both."""

    def __init__(self) -> None:
        self._modes: dict[str, dict[str, SetMessageRequestModeRequestBody]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, topic: str, group: str) -> SetMessageRequestModeRequestBody | None:
        """What was said last about this pair."""
        return self._modes.get(topic, {}).get(group)

    def put(self, topic: str, group: str, mode: SetMessageRequestModeRequestBody) -> None:
        """Remember it; Refusal SYSTEM_ERROR if there is no room for another pair."""
        if self.find(topic, group) is None:
            if self._count >= REQUEST_MODES_MAX:
                raise Refusal(
                    ResponseCode.SYSTEM_ERROR, f"this broker remembers {REQUEST_MODES_MAX} request modes, and no more"
                )
            self._count += 1
        self._modes.setdefault(topic, {})[group] = mode

    def encode(self, *, pretty: bool = True) -> bytes:
        """The content of messageRequestMode.json."""
        return MessageRequestModeSerializeWrapper(message_request_mode_map=self._modes).encode(pretty=pretty)

    def load(self, content: bytes) -> None:
        """Take over the content of messageRequestMode.json. Refusal if it is broken."""
        table = MessageRequestModeSerializeWrapper.decode(content).message_request_mode_map
        self._modes = {topic: dict(groups) for topic, groups in table.items()}
        self._count = sum(map(len, self._modes.values()))
