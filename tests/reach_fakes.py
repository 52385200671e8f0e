"""A pool of loopback servers, and what the checks of the network are given."""

import contextlib
import socket
from contextlib import contextmanager

from ospool_ep.jwt import Token
from ospool_ep.known import Known
from ospool_ep.pools import Pool
from ospool_ep.settings import Settings
from ospool_ep.tokens import Credentials

TOKEN = Token("/etc/condor/tokens-orig.d/flock", "pool.test", "pilot@pool.test", 0, None, "a.token.of-the-pilot")
GOOD = Credentials((TOKEN,))


def pool(collectors, ccb=()):
    """As POOL and CONDOR_HOST would make it."""
    return Pool("pool", tuple(collectors), tuple(collectors), tuple(ccb or collectors), "", None, False)


def known(collectors, ccb=(), credentials=GOOD, proxy_works=True, **settings):
    return Known(Settings(**settings), pool(collectors, ccb), lambda: credentials, lambda: proxy_works)


@contextmanager
def listening():
    """Something that takes connections; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed():
    """A port that nobody listens at."""
    with listening() as port:
        return port


@contextmanager
def full():
    """A port whose packets are dropped, as by a firewall: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]
