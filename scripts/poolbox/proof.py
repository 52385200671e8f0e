"""The demo's job: it runs in a container image made a moment ago, and its output proves where it ran."""

from __future__ import annotations

import secrets

from poolbox.jobs import put_file
from poolbox.pool import Pool

ROOT = "/usr/share/ospool-ep/tiny"  # a busybox root in our image; the job's image is this and one more file
WORD_FILE = "/made-by-the-demo"
IMAGE = "demo.sif"

PROGRAM = f"""\
#!/bin/sh
echo "word:      $(cat {WORD_FILE})"
echo "container: ${{APPTAINER_NAME:-none}}"
echo "kernel:    $(uname -srm)"
echo "uid:       $(id -u)"
echo "host:      $(hostname)"
echo "slot:      ${{_CONDOR_SLOT:-none}}"
echo "directory: $(pwd)"
echo "pids:      $(ls /proc | grep '^[0-9]' | sort -n | tr '\\n' ' ')"
"""

# OSPool's pilots take no job without a ProjectName; HTCondor itself adds what container_image needs (HasSIF).
DESCRIPTION = f"""\
executable              = prove.sh
container_image         = {IMAGE}
should_transfer_files   = YES
when_to_transfer_output = ON_EXIT
request_cpus            = 1
request_memory          = 128MB
request_disk            = 64MB
+ProjectName            = "Demo"
queue
"""

BUILD = f"""\
set -e
cd "$1"
cp -a {ROOT} root
cat > root{WORD_FILE}
apptainer --silent build {IMAGE} root
rm -rf root
chown osg {IMAGE}
wc -c < {IMAGE}
"""


def build_image(pool: Pool, directory: str) -> tuple[str, int]:
    """Build the job's image in its directory at the access point; its random word and its size in bytes."""
    word = secrets.token_hex(8)
    made = pool.exec("sh", "-c", BUILD, "sh", directory, input=word, timeout=120)
    put_file(pool, f"{directory}/prove.sh", PROGRAM)
    return word, int(made.stdout.split()[-1])


def parse(output: str) -> dict[str, str]:
    """The program's `name: value` lines."""
    pairs = (line.partition(":") for line in output.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def doubts(output: str, word: str, host: str) -> list[str]:
    """What in the job's output is not as it must be; empty if the job ran where it should have."""
    said = parse(output)
    wanted = {"word": word, "container": IMAGE, "uid": "1000", "host": host}
    found = [
        f"{name} is {said.get(name, 'missing')!r}, must be {value!r}"
        for name, value in wanted.items()
        if said.get(name) != value
    ]
    if not said.get("slot", "").startswith("slot1_"):
        found.append(f"slot is {said.get('slot', 'missing')!r}, must be a dynamic one, slot1_N")
    pids = said.get("pids", "").split()
    # A pilot has a dozen processes that a job in its own PID namespace cannot see.
    if "1" not in pids or len(pids) > 12:
        found.append(f"the job saw {len(pids)} processes: it had no PID namespace of its own")
    return found
