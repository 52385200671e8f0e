"""Can job containers run here? The Apptainer of the image is asked with the flags a job will get.

This covers what one boot must know (image directories, PID namespaces, .sif files); it is run once.
"""

from dataclasses import dataclass

from ospool_ep.concurrently import concurrently
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Problem, warning

BINARY = "/usr/bin/apptainer"
_IMAGES = "/usr/share/ospool-ep"
_TIMEOUT_S = 20.0
# An exit status that no failure of Apptainer or of the loader has: it must come through unchanged.
_EXPECTED = 37
_TEST = ("/bin/sh", "-c", f"exit {_EXPECTED}")
# HTCondor runs containers with -C; where that fails for the PID namespace, with these (htcondor.md 5.2).
_ALL = ("-C",)
_NO_PID = ("--contain", "--ipc", "--cleanenv")
# What a PID namespace takes, without the second that a .sif run spends on failing at it.
_PROC_MOUNT = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true")


@dataclass(frozen=True)
class Apptainer:
    """What was seen to work. `version` is empty when the program is not there."""

    version: str = ""
    directories: bool = False
    pid_namespaces: bool = False
    sif: bool = False

    @property
    def usable(self) -> bool:
        """Container jobs of some kind can run."""
        return bool(self.version) and self.directories


def look(machine: Machine, pid_namespaces: bool) -> tuple[Apptainer, tuple[Problem, ...]]:
    """Ask Apptainer itself. `pid_namespaces` false: the site does not want them."""
    if not machine.path(BINARY).exists():
        return Apptainer(), (_broken(Result(127, "", f"{BINARY} is missing")),)
    with_pid = machine.run(_PROC_MOUNT, _TIMEOUT_S) if pid_namespaces else Result(0, "", "")
    flags = _ALL if pid_namespaces and with_pid.status == 0 else _NO_PID
    version, sif = _side_by_side(machine, flags)
    directory = sif if _passed(sif) else _exec(machine, flags, "tiny")
    if flags is _ALL and not _passed(directory):
        flags, with_pid, directory = _NO_PID, directory, _exec(machine, _NO_PID, "tiny")
    facts = Apptainer(_version(version), _passed(directory), flags is _ALL, _passed(sif))
    return facts, _problems(facts, directory, with_pid, sif, pid_namespaces)


def _side_by_side(machine: Machine, flags: tuple[str, ...]) -> tuple[Result, Result]:
    """The version, and a .sif file run: that needs all that a directory needs, and FUSE.

    Where it works one run has answered everything.
    """
    calls = (lambda: machine.run((BINARY, "--version"), _TIMEOUT_S), lambda: _exec(machine, flags, "tiny.sif"))
    version, sif = (_result(answer) for answer in concurrently(calls, 2 * _TIMEOUT_S))
    return version, sif


def _result(answer: Result | BaseException) -> Result:
    return Result(1, "", repr(answer)) if isinstance(answer, BaseException) else answer


def _version(result: Result) -> str:
    return result.stdout.strip().rpartition(" ")[2] if result.status == 0 else ""


def _exec(machine: Machine, flags: tuple[str, ...], image: str) -> Result:
    return machine.run((BINARY, "-s", "exec", *flags, "--no-home", f"{_IMAGES}/{image}", *_TEST), _TIMEOUT_S)


def _passed(result: Result) -> bool:
    return result.status == _EXPECTED


def _problems(facts: Apptainer, plain: Result, with_pid: Result, sif: Result, wanted: bool) -> tuple[Problem, ...]:
    if not facts.usable:
        return (_broken(plain),)
    problems = []
    if wanted and not facts.pid_namespaces:
        problems.append(_no_pid_namespaces(with_pid))
    if not facts.sif:
        problems.append(_no_sif(sif))
    return tuple(problems)


def _broken(result: Result) -> Problem:
    error = _error(result)
    cause, cure = next((found for pattern, *found in _CAUSES if pattern in error), _UNKNOWN)
    return warning("apptainer", f"job containers do not run: {cause}", _PLAIN_ONLY, cure, error)


def _error(result: Result) -> str:
    """What Apptainer says, without the stacks of its threads."""
    return result.stderr.strip().partition("\ngoroutine ")[0].partition("\nPC=")[0]


_PLAIN_ONLY = "only jobs that ask for no container will match (few in the OSPool)"
_UNKNOWN = ["Apptainer failed", "run `ospool-selftest` with the same options, and show us its output"]
_CAUSES = (
    ("user namespace", "the runtime forbids user namespaces",
     "docker or podman: --security-opt seccomp=unconfined\n"
     "Kubernetes: securityContext.seccompProfile.type: Unconfined\n"
     "host: sysctl user.max_user_namespaces (not 0), kernel.apparmor_restrict_unprivileged_userns (0)"),
    ("unknown userid", "this uid has no passwd entry", "--user 1000, or see the warning user-unknown"),
    ("Resource temporarily unavailable", "there are too few processes for it", "docker or podman: --pids-limit 16384"),
    ("no answer within", "Apptainer hangs", "look for a hanging mount on the host (df hangs too)"),
)  # fmt: skip


def _no_pid_namespaces(result: Result) -> Problem:
    found = "job containers get no PID namespace of their own"
    why = "they run, but jobs on this pilot can see each other's processes"
    cure = (
        "docker: --security-opt systempaths=unconfined\n"
        "podman: --security-opt unmask=ALL\n"
        "Kubernetes: securityContext.procMount: Unmasked"
    )
    return warning("apptainer-pid-namespaces", found, why, cure, _error(result))


def _no_sif(result: Result) -> Problem:
    error = _error(result)
    why = "jobs whose container is a .sif file will not match"
    cure = next((cure for pattern, cure in _SIF_CAUSES if pattern in error), _UNKNOWN[1])
    return warning("apptainer-sif", "containers in .sif files do not run", why, cure, error)


_SIF_CAUSES = (
    ("Permission denied", "on the host: chmod 0666 /dev/fuse"),
    ("Resource temporarily unavailable", "docker or podman: --pids-limit 16384"),
    ("oo many open files", "docker or podman: --ulimit nofile=4096:4096"),
    ("fuse", "docker or podman: --device /dev/fuse\nKubernetes: a device plugin or hostPath for /dev/fuse"),
)


def summary(facts: Apptainer) -> str:
    """One line for people."""
    if not facts.usable:
        return f"{facts.version or 'missing'}, unable to run containers"
    kinds = "directories and .sif files" if facts.sif else "directories"
    own = "with" if facts.pid_namespaces else "without"
    return f"{facts.version} runs {kinds}, {own} PID namespaces; registry images not yet"
