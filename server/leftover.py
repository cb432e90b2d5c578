"""What is left of a request's body when its answer is there: read past it, or close the connection.

gunicorn would read all of it, however much that is, in the smallest pieces, and nobody else would
be served meanwhile. A client that is cut off while it still sends may not find its answer, so that
some of it is worth reading.
"""

from __future__ import annotations

import gevent
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request

from server.api.blocking import pause
from server.api.pieces import pieces

MAX_BYTES = 64 << 20
MAX_S = 5.0


def read_past(request: Request) -> bool:
    """Whether the body is at its end, so that another request may follow. Lets others run."""
    n_read = 0
    with gevent.Timeout(MAX_S, False):
        try:
            for piece in pieces(request.body.read, pause):
                n_read += len(piece)
                if n_read > MAX_BYTES:
                    return False
        except (OSError, ParseException):
            return False
        else:
            return True
    return False
