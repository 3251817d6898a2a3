"""Who is at the other end of a connection."""

import socket
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Peer:
    """A connection, numbered by the node; hosts are numeric IPv4 or IPv6 texts, ports 0..65535."""

    id: int
    host: str
    port: int
    local_host: str = "127.0.0.1"
    local_port: int = 0
    address: str = field(init=False)
    """`host:port` as Java prints a channel's remote address."""
    packed: bytes = field(init=False)
    """The host as a log record holds it: 4 or 16 address bytes, then the port as 4 bytes, big endian."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", f"{self.host}:{self.port}")
        object.__setattr__(self, "packed", pack_host(self.host, self.port))


def pack_host(host: str, port: int) -> bytes:
    """Address bytes (4 for IPv4, 16 for IPv6) and a 4-byte port (MessageExt#socketAddress2ByteBuffer)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host.partition("%")[0]) + port.to_bytes(4, "big")


def unpack_host(packed: bytes) -> tuple[str, int]:
    """Inverse of `pack_host` for 8 or 20 bytes."""
    family = socket.AF_INET if len(packed) == 8 else socket.AF_INET6
    return socket.inet_ntop(family, packed[:-4]), int.from_bytes(packed[-4:], "big")
