"""Runs in the access point as the user: reads a list of [directory or null, text, {file name: text}] and submits each.

Prints a list of [cluster, directory], or ends with condor_submit's words. Argument: where directories are made.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SUBMIT = ["condor_submit", "-terse", "-a", "output=out", "-a", "error=err", "-a", "log=log", "-"]


def submit(place, directory, text, files):
    where = Path(directory or tempfile.mkdtemp(prefix="job.", dir=place))
    for name, content in files.items():
        (where / name).write_text(content)
        (where / name).chmod(0o755)
    done = subprocess.run(SUBMIT, cwd=where, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{text}\n{done.stdout}{done.stderr}")
    return int(done.stdout.strip().splitlines()[-1].split(".")[0]), str(where)


print(json.dumps([submit(sys.argv[1], *wanted) for wanted in json.load(sys.stdin)]))
