"""Become condor_master: the same pid, a clean environment, the signals as a program expects them."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from ospool_ep import signals
from ospool_ep.machine import PLAIN_ENVIRONMENT
from ospool_ep.settings import Settings

_MASTER = "/usr/sbin/condor_master"


def arguments(settings: Settings) -> tuple[str, ...]:
    """In the foreground; -r stops in order when the retirement is over (GLIDEIN_ToDie)."""
    minutes = (settings.accept_jobs_hours + settings.retirement_hours) * 60
    return (_MASTER, "-f", "-r", str(minutes))


def environment(settings: Settings, config: Path, home: Path) -> dict[str, str]:
    """All that HTCondor inherits: neither TOKEN nor any other word of the administrator's, but for a few."""
    proxy = {"http_proxy": settings.squid} if settings.squid else {}
    own = {"CONDOR_CONFIG": str(config), "HOME": str(home), "TMPDIR": "/tmp"}
    return PLAIN_ENVIRONMENT | dict(settings.passed_on) | proxy | own


def become_master(argv: tuple[str, ...], environ: dict[str, str], home: Path) -> NoReturn:
    """exec. Python ignores SIGPIPE and SIGXFSZ, and a program inherits that."""
    os.chdir(home)
    os.umask(0o022)
    sys.stdout.flush()
    sys.stderr.flush()
    # With its handler gone a signal is lost for PID 1; a blocked one waits until the master has its own handlers.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGQUIT})
    signals.give_back()
    os.execve(argv[0], argv, environ)
