"""Headers about users and access control lists."""

from pocketmq.protocol.headers.declaration import Header


class CreateUserRequest(Header, frozen=True, kw_only=True):
    """3001 AUTH_CREATE_USER."""

    username: str | None = None


class UpdateUserRequest(Header, frozen=True, kw_only=True):
    """3002 AUTH_UPDATE_USER."""

    username: str | None = None


class DeleteUserRequest(Header, frozen=True, kw_only=True):
    """3003 AUTH_DELETE_USER."""

    username: str | None = None


class GetUserRequest(Header, frozen=True, kw_only=True):
    """3004 AUTH_GET_USER."""

    username: str | None = None


class ListUsersRequest(Header, frozen=True, kw_only=True):
    """3005 AUTH_LIST_USER."""

    filter: str | None = None


class CreateAclRequest(Header, frozen=True, kw_only=True):
    """3006 AUTH_CREATE_ACL."""

    subject: str | None = None


class UpdateAclRequest(Header, frozen=True, kw_only=True):
    """3007 AUTH_UPDATE_ACL."""

    subject: str | None = None


class DeleteAclRequest(Header, frozen=True, kw_only=True):
    """3008 AUTH_DELETE_ACL."""

    subject: str | None = None
    policy_type: str | None = None
    resource: str | None = None


class GetAclRequest(Header, frozen=True, kw_only=True):
    """3009 AUTH_GET_ACL."""

    subject: str | None = None


class ListAclsRequest(Header, frozen=True, kw_only=True):
    """3010 AUTH_LIST_ACL."""

    subject_filter: str | None = None
    resource_filter: str | None = None
