"""The checks behind scripts/test; each is a step whose output is shown only when it fails."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from poolbox.progress import Steps

TOP = Path(__file__).resolve().parents[2]
REQUIREMENTS = TOP / "tests" / "requirements.txt"
VENV = TOP / ".venv"
NEEDED = (3, 11)
# More failures than this are no accident
FEW = 4


class SetUpError(Exception):
    """The tools of the tests cannot be installed; the text says what to do."""


def tools(steps: Steps) -> Path:
    """The directory of the installed tools; made once, and again when the requirements change."""
    if sys.version_info < NEEDED:
        raise SetUpError(f"Python {NEEDED[0]}.{NEEDED[1]} or newer is needed, this is {sys.version.split()[0]}")
    stamp, wanted = VENV / "requirements.sha256", _fingerprint()
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != wanted:
        with steps.step("install the tools of the tests into .venv"):
            _make_venv()
            _must([str(VENV / "bin" / "pip"), "install", "-q", "-r", str(REQUIREMENTS)])
            stamp.write_text(wanted, encoding="ascii")
    return VENV / "bin"


def _fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def _make_venv() -> None:
    """Debian keeps venv's pip in a package of its own; root gets it installed."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SetUpError("python3 cannot make a virtual environment: install python3-venv")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _must(["apt-get", "update", "-q"], environment)
    _must(["apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-venv"], environment)
    _must(command)


def _must(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SetUpError(f"{' '.join(command[:3])} ... failed:\n{(done.stdout + done.stderr)[-2000:]}")


def static(tools: Path, steps: Steps) -> list[str]:
    """Names of the static checks that failed."""
    shell = _scripts("sh", "bash")
    found = (*(TOP / "image").glob("Dockerfile*"), *(TOP / "tests").rglob("Dockerfile"))
    dockerfiles = sorted(map(str, (*found, *(TOP / "scripts").rglob("*.Dockerfile"))))
    checks = {
        "format (ruff format)": ["ruff", "format", "--check", "."],
        "lint (ruff)": ["ruff", "check", "."],
        "types (mypy --strict)": ["mypy"],
        "Dockerfile (hadolint)": ["hadolint", *dockerfiles],
    }
    if shell:
        checks["shell (shellcheck)"] = ["shellcheck", *shell]
    return [name for name, command in checks.items() if not _step(tools, name, command, steps)]


def _scripts(*interpreters: str) -> list[str]:
    """Tracked or new files whose first line names one of the interpreters."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [name for name in listed if (TOP / name).is_file() and _interpreter(TOP / name) in interpreters]


def _interpreter(path: Path) -> str:
    with path.open("rb") as file:
        first = file.readline(80).decode("ascii", "replace")
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    return next((word.rpartition("/")[2] for word in words if not word.endswith("/env")), "")


def rings(tools: Path, chosen: str, steps: Steps) -> list[str]:
    """The pure and the fake-root ring: no engine, no daemon, a minute or two."""
    return _pytest(tools, "pure and fake-root rings", ["-m", "not image", "-n", "2"], chosen, steps)


def image_ring(tools: Path, chosen: str, steps: Steps) -> list[str]:
    """The built image against a real pool: two parts, each with a pool of its own, for they mostly wait.

    Real daemons on a busy machine can be late. What has failed runs once more, alone, and is named: twice is a no.
    """
    parts = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    failures = _pytest(tools, "image ring", ["tests/image", "-m", "image", *parts], chosen, steps)
    late = _last_failed() if failures else []
    if not 0 < len(late) <= FEW:
        return failures
    again = _pytest(
        tools, "image ring: what has failed, alone", ["tests/image", "-m", "image", "--last-failed"], chosen, steps
    )
    if not again:
        steps.say("\n- ".join(["failed beside others, and passed alone:", *late]))
    return again


def _last_failed() -> list[str]:
    """Names of the image tests that failed in the last run."""
    try:
        said = json.loads((TOP / ".pytest_cache/v/cache/lastfailed").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in said if name.startswith("tests/image/")]


def _pytest(tools: Path, name: str, selection: list[str], chosen: str, steps: Steps) -> list[str]:
    command = ["pytest", *selection, *(["-k", chosen] if chosen else [])]
    return [] if _step(tools, name, command, steps, good=(0, 5) if chosen else (0,)) else [name]


def _step(tools: Path, name: str, command: list[str], steps: Steps, good: tuple[int, ...] = (0,)) -> bool:
    """Run one tool as a step, show all it said when it fails, and its last line otherwise."""
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    try:
        with steps.step(name) as note:
            done = subprocess.run(
                [str(tools / command[0]), *command[1:]],
                cwd=TOP, env=environment, text=True, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            note((done.stdout.strip().splitlines() or [""])[-1].strip("= ")[:100])
            if done.returncode not in good:
                raise subprocess.CalledProcessError(done.returncode, command[0])
    except subprocess.CalledProcessError:
        print(done.stdout, file=sys.stderr)
        return False
    return True
