"""What a server refuses: each has a status of HTTP and one sentence."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.errors import InputError


class Refused(InputError):
    """A request that is not answered as it stands."""

    status: ClassVar[int] = 400


class NotThere(Refused):
    """What is requested does not exist, or is not offered here."""

    status = 404


class Foreign(Refused):
    """The request comes from another site, or through another name than that of this server."""

    status = 403


class Unknown(Refused):
    """The request has no token, or a wrong one."""

    status = 401


class TooSlow(Refused):
    """The body of a request does not arrive."""

    status = 408


class TooBig(Refused):
    """The body of a request is larger than anything that is read."""

    status = 413


class Busy(Refused):
    """There is more to do than is done in time."""

    status = 503
