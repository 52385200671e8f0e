"""What condor_master inherits; the exec itself is seen in the image ring and, with another program, here."""

import subprocess
import sys
from pathlib import Path

from ospool_ep import handover
from ospool_ep.settings import Settings

BECOME = """
import signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ospool_ep import handover
signal.signal(signal.SIGTERM, lambda *_: None)
handover.become_master(("/bin/sh", "-c", sys.argv[2]), {"ONLY": "this"}, Path(sys.argv[3]))
"""
SHELL = 'grep SigIgn /proc/self/status; grep SigCgt /proc/self/status; env; pwd; umask; echo "pid $$"'


def test_the_master_leaves_when_the_retirement_is_over():
    settings = Settings(accept_jobs_hours=2, retirement_hours=1)
    assert handover.arguments(settings) == ("/usr/sbin/condor_master", "-f", "-r", "180")


def test_nothing_of_the_administrators_words_is_inherited_but_the_few():
    settings = Settings(token="secret", squid="http://s:3128", passed_on=(("TZ", "UTC"), ("PATH_X", "y")))
    environ = handover.environment(settings, Path("/run/c"), Path("/pilot/ep-1"))
    assert environ == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PATH_X": "y",
        "http_proxy": "http://s:3128",
        "CONDOR_CONFIG": "/run/c",
        "HOME": "/pilot/ep-1",
        "TMPDIR": "/tmp",
    }


def test_signals_that_were_ignored_are_given_back():
    """Four of them are ignored in the payload of cvmfsexec."""
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent.parent / "entrypoint")!r})
from ospool_ep import signals
for number in (1, 2, 3, 13, 15, 25):
    signal.signal(number, signal.SIG_IGN)
signals.give_back()
os.execv("/bin/cat", ("cat", "/proc/self/status"))
"""
    said = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True).stdout
    assert "SigIgn:\t0000000000000000" in said


def test_without_a_proxy_there_is_none():
    assert "http_proxy" not in handover.environment(Settings(), Path("/c"), Path("/h"))


def test_the_next_program_has_the_same_pid_a_clean_environment_and_default_signals(tmp_path):
    entrypoint = str(Path(__file__).parent.parent / "entrypoint")
    command = [sys.executable, "-c", BECOME]
    pilot = subprocess.Popen([*command, entrypoint, SHELL, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    said, _ = pilot.communicate(timeout=20)
    lines = said.splitlines()
    # The numbers are of grep, which a shell starts with its own dispositions: SIGPIPE is 13, SIGXFSZ 25.
    ignored = int(lines[0].split()[1], 16)
    assert not ignored & (1 << 12 | 1 << 24 | 1 << 14 | 1 << 1)
    assert "ONLY=this" in lines
    assert not [line for line in lines if line.startswith(("PYTHON", "TOKEN", "VIRTUAL_ENV"))]
    assert str(tmp_path) in lines
    assert "0022" in lines
    assert f"pid {pilot.pid}" in lines
