"""The lines that scripts and test containers wait for on standard output; worded exactly as Java's."""


def namesrv_started(address: str) -> str:
    """What a name server says once it listens on `address` (NamesrvStartup)."""
    return f"The Name Server boot success. serializeType=JSON, address {address}"


def broker_started(name: str, address: str, namesrv_addr: str) -> str:
    """What a broker says once it serves (BrokerStartup); `namesrv_addr` may be empty."""
    registered = f" and name server is {namesrv_addr}" if namesrv_addr else ""
    return f"The broker[{name}, {address}] boot success. serializeType=JSON{registered}"


def config_file_loaded(path: str) -> str:
    """What a name server says after it has read its configuration (NamesrvStartup)."""
    return f"load config properties file OK, {path}"
