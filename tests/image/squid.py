"""Real squids in front of a small web server that stands in for the world, and networks that lose packets."""

import time
from contextlib import contextmanager
from pathlib import Path

from poolbox import image as images
from poolbox import pilot
from poolbox import pool as pools
from poolbox.progress import Steps

HERE = Path(__file__).parent / "squid"
TAG = "ospool-ep:test-squid"
WORLD = ("cvmfs-s1bnl.opensciencegrid.org", "frontier.cern.ch")
CONF = "/squid.conf"
# The end of every squid.conf: nobody else
RULES = "http_access deny all\n"
BASE = """\
http_port 3128
cache deny all
shutdown_lifetime 0 seconds
pid_filename /run/squid.pid
cache_log /var/log/squid/cache.log
"""
_CONNECT = 'import socket; socket.create_connection(("127.0.0.1", 3128), 1)'
LISTENS = f"until python3 -c '{_CONNECT}' 2>/dev/null; do sleep 0.1; done"


def build(engine):
    """The image; a second when nothing changed."""
    return images.build_with(engine, Steps(), HERE / "Dockerfile", TAG)


@contextmanager
def container(box, network, name, script, *options):
    """A container of the image; yields its name."""
    full = f"{network}-{name}"
    where = ("--name", full, "--network", network, "--label", f"{pools.LABEL}={network}")
    pilot.remove(box.engine, full)
    box.engine.run("run", "-d", *where, *options, TAG, script)
    try:
        yield full
    finally:
        pilot.remove(box.engine, full)


@contextmanager
def world(box, network):
    """The web server, under the names that the selftest asks for."""
    aliases = [word for name in WORLD for word in ("--network-alias", name)]
    with container(
        box, network, "world", "exec python3 /web.py", *aliases, "-v", f"{HERE / 'web.py'}:/web.py:ro"
    ) as name:
        yield name


@contextmanager
def squid(box, network, name, allowed, *options):
    """A squid with these rules before the last; yields its container, which is its host name, too."""
    file = box.file(BASE + allowed + RULES)
    script = f"cp /given.conf {CONF} && squid -f {CONF} && exec sleep infinity"
    with container(box, network, name, script, "-v", f"{file}:/given.conf:ro", *options) as full:
        box.engine.run("exec", full, "sh", "-c", LISTENS, timeout=30)
        yield full


def allow(box, squid, rules):
    """What an administrator does: new rules before the others, and a squid that reads them."""
    script = f"cat > /new.conf && cat {CONF} >> /new.conf && cp /new.conf {CONF} && squid -f {CONF} -k reconfigure"
    box.engine.run("exec", "-i", squid, "sh", "-c", script, input=rules)
    time.sleep(1)
    box.engine.run("exec", squid, "sh", "-c", LISTENS, timeout=30)
