"""Runs as root in a container of the image: makes /made/REPOSITORY.sqfs, what a server would have of each repository.

The root of each carries the attributes that the cvmfs client gives to it. Argument: an image directory for containers.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CONFIG, OASIS, SINGULARITY = (f"{name}.opensciencegrid.org" for name in ("config-osg", "oasis", "singularity"))
# How all repositories but the first find their server
DOMAIN = 'CVMFS_SERVER_URL="/cvmfs-standin/@fqrn@.sqfs"\n'
REVISIONS = {CONFIG: 101, OASIS: 20202, SINGULARITY: 303}
FILES = {
    CONFIG: {
        "etc/cvmfs/default.conf": "CVMFS_STANDIN_CONFIG_REPOSITORY=read\n",
        "etc/cvmfs/domain.d/opensciencegrid.org.conf": DOMAIN,
    },
    OASIS: {"README": "from oasis\n", "osg/hello": "hello from oasis\n"},
    SINGULARITY: {"README": "from singularity\n"},
}


def make(repository, top):
    """The repository's tree, and the image file of it."""
    for name, text in FILES[repository].items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if repository == SINGULARITY:
        shutil.copytree(sys.argv[1], top / "htc" / "rocky:9", symlinks=True)
    attributes = {
        "fqrn": repository,
        "revision": REVISIONS[repository],
        "nioerr": 0,
        "timestamp_last_ioerr": 0,
        "host": "file:///cvmfs-standin",
        "proxy": "DIRECT",
        "version": "0.stand-in",
        "expires": int(time.time()) + 240,
    }
    for name, value in attributes.items():
        os.setxattr(top, f"user.{name}", str(value).encode())
    options = ("-quiet", "-no-progress", "-all-root", "-noappend")
    subprocess.run(["mksquashfs", str(top), f"/made/{repository}.sqfs", *options], check=True)


for one in FILES:
    where = Path("/var/tmp", one)
    where.mkdir(mode=0o755)
    make(one, where)
