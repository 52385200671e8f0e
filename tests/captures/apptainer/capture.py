#!/usr/bin/env python3
"""Run what a pilot needs of Apptainer in this container, and print what came of it with the facts that explain it.

docker run -i OPTIONS --entrypoint python3 ospool-ep:24-release - "what it is" "docker run OPTIONS" < capture.py

Needs nothing but Python 3.9. Writes below /pilot only, and removes it.
"""

import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

WORK = Path("/pilot/f-capture")
IMAGE = "/usr/share/ospool-ep/tiny"
FULL, LESS = "-C", "--contain --ipc --cleanenv"
EXEC = "apptainer -s exec -S /tmp -S /var/tmp -W {0} --pwd /srv -B {0}:/srv -B {0}:/not/in/the/image --home {0}:/srv"
EXIT_37 = "/bin/sh -c 'exit 37'"
# A program in the scratch directory, as a job's own executable is
OWN_PROGRAM = "/bin/sh -c 'cp /bin/busybox /srv/busybox && /srv/busybox sh -c \"exit 37\"'"
COMMANDS = {
    "version": "apptainer --version",
    "userns": "unshare --user --map-root-user true",
    "mountns": "unshare -Urm true",
    "pidns": "unshare -Ur --pid --fork true",
    "pidns-proc": "unshare -Ur --pid --fork --mount-proc true",
    "tmpfs": "unshare -Urm mount -t tmpfs none /tmp",
    "D": f"{EXEC} {FULL} {IMAGE} {EXIT_37}",
    "S": f"{EXEC} {FULL} {IMAGE}.sif {EXIT_37}",
    "d": f"{EXEC} {LESS} {IMAGE} {EXIT_37}",
    "s": f"{EXEC} {LESS} {IMAGE}.sif {EXIT_37}",
    "own-program": f"{EXEC} {LESS} {IMAGE} {OWN_PROGRAM}",
    "root-type": f"{EXEC} {LESS} {IMAGE}.sif grep ' / / ' /proc/self/mountinfo",
    "s-verbose": f"{EXEC.replace(' -s', '')} {LESS} {IMAGE}.sif {EXIT_37}",
}
LINES = {
    "/proc/self/status": r"Uid|Seccomp|NoNewPrivs|CapEff|CapBnd",
    "/proc/self/limits": r"Max processes|Max open files",
    "/proc/self/attr/current": "",
    "/proc/self/uid_map": "",
    "/proc/sys/user/max_user_namespaces": "",
    "/proc/sys/user/max_pid_namespaces": "",
    "/proc/sys/user/max_mnt_namespaces": "",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "",
    "/proc/sys/kernel/unprivileged_userns_clone": "",
    "/sys/module/apparmor/parameters/enabled": "",
    "/sys/fs/cgroup/pids/pids.max": "",
    "/sys/fs/cgroup/pids.max": "",
    "/proc/filesystems": r".*\b(?:overlay|fuse|squashfs|tmpfs)$",
}
# A crash of the Go runtime is told in its first lines
SHOWN = 800
LIMIT_S = 60


def main() -> None:
    what, how = (*sys.argv[1:], "", "")[:2]
    print(f"# what: {what}\n# how: captured {time.strftime('%Y-%m-%d')}, kernel {os.uname().release}: {how}")
    for path, wanted in LINES.items():
        show_file(path, wanted)
    section("/proc/self/mountinfo", "".join(filter(told, mounts())))
    section("stat /dev/fuse", device("/dev/fuse"))
    section("statvfs /pilot", space("/pilot"))
    for name, command in COMMANDS.items():
        run(name, command)


def show_file(path: str, wanted: str) -> None:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape").rstrip("\0")
    except OSError as error:
        print(f"== {path} !{code(error)}")
    else:
        section(path, "".join(re.findall(f"(?m)^(?:{wanted}).*\n?", text)) if wanted else text)


def section(name: str, text: str) -> None:
    print(f"== {name}")
    print(text, end="" if text.endswith("\n") or not text else "\n")


def code(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error.errno))


def mounts() -> list[str]:
    """Without the engine's directories, which say nothing and are long."""
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return re.sub(r"(lowerdir|upperdir|workdir)=[^, \n]*", r"\1=...", text).splitlines(keepends=True)


def told(line: str) -> bool:
    point = line.split()[4]
    return point in ("/", "/proc", "/pilot") or point.startswith(("/proc/", "/pilot/"))


def device(path: str) -> str:
    try:
        seen = Path(path).stat()
        text = f"mode={seen.st_mode:o} uid={seen.st_uid} rdev={os.major(seen.st_rdev)}:{os.minor(seen.st_rdev)}"
    except OSError as error:
        return f"stat=!{code(error)}"
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        return f"{text} open=!{code(error)}"
    return f"{text} open=ok"


def space(path: str) -> str:
    seen = os.statvfs(path)
    return f"free_kb={seen.f_bavail * seen.f_frsize >> 10} free_inodes={seen.f_favail} flags={seen.f_flag:#x}"


def run(name: str, command: str) -> None:
    """One command in a scratch directory of its own; its text is marked by the stream it came from."""
    directory, started = WORK / name, time.monotonic()
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        print(f"-- {name}: no {directory}: {code(error)}")
    try:
        words = shlex.split(command.format(directory))
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"== {name} exit=!{code(error) if isinstance(error, OSError) else 'timeout'}")
    else:
        print(f"== {name} exit={done.returncode} seconds={time.monotonic() - started:.2f}")
        for mark, text in ((1, done.stdout), (2, done.stderr)):
            print("".join(f"{mark}| {line}\n" for line in text[:SHOWN].splitlines()), end="")
    shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()
