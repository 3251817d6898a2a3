"""Namespaces of the topic and group names (NamespaceUtil): `MQ_INST_1%TopicTest`, `%RETRY%MQ_INST_1%CG`."""

from pocketmq.model.names import (
    DLQ_PREFIX,
    NAMESPACE_SEPARATOR,
    RETRY_PREFIX,
    is_system_group,
    is_system_topic,
)


def wrap_namespace(namespace: str | None, name: str) -> str:
    """The name inside the namespace; system names, and names already inside, stay as they are."""
    if not namespace or not name or _is_system(name) or is_in_namespace(name, namespace):
        return name
    prefix, bare = _split_prefix(name)
    return f"{prefix}{namespace}{NAMESPACE_SEPARATOR}{bare}"


def unwrap_namespace(name: str) -> str:
    """The name without whatever namespace it has."""
    if not name or _is_system(name):
        return name
    prefix, bare = _split_prefix(name)
    namespace, separator, rest = bare.partition(NAMESPACE_SEPARATOR)
    return prefix + rest if namespace and separator else name


def unwrap_this_namespace(name: str, namespace: str | None) -> str:
    """The name without this namespace; a name in another one stays as it is."""
    if not name or not namespace:
        return name
    _, bare = _split_prefix(name)
    return unwrap_namespace(name) if bare.startswith(namespace + NAMESPACE_SEPARATOR) else name


def namespace_of(name: str) -> str:
    """The namespace in a name; empty if there is none."""
    if not name or _is_system(name):
        return ""
    namespace, separator, _ = _split_prefix(name)[1].partition(NAMESPACE_SEPARATOR)
    return namespace if separator else ""


def is_in_namespace(name: str, namespace: str | None) -> bool:
    """NamespaceUtil#isAlreadyWithNamespace."""
    if not namespace or not name or _is_system(name):
        return False
    return _split_prefix(name)[1].startswith(namespace + NAMESPACE_SEPARATOR)


def retry_topic_in(namespace: str | None, group: str) -> str:
    """The retry topic of a group in a namespace (NamespaceUtil#wrapNamespaceAndRetry)."""
    return RETRY_PREFIX + wrap_namespace(namespace, group)


def without_retry_and_dlq(name: str) -> str:
    """The group behind a retry or dead-letter topic; any other name as it is."""
    return _split_prefix(name)[1]


def _split_prefix(name: str) -> tuple[str, str]:
    for prefix in (RETRY_PREFIX, DLQ_PREFIX):
        if name.startswith(prefix):
            return prefix, name[len(prefix) :]
    return "", name


def _is_system(name: str) -> bool:
    return is_system_topic(name) or is_system_group(name)
