"""What HTCondor calls instead of Apptainer to run a job (configuration SINGULARITY).

It keeps the job's environment away from Apptainer's own, mounts the binds, chooses mirror and cache, and finds
out whose fault it is when a container does not start: three of the machine's own end its promise to run any.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from ospool_ep.containers import binds, cache, call, command, images, record, registry
from ospool_ep.containers.call import Call
from ospool_ep.containers.command import BINARY, TRUE, TRUE_BIND
from ospool_ep.containers.record import Record, Setup
from ospool_ep.machine import PLAIN_ENVIRONMENT, TIMED_OUT, Machine, Result

# What HTCondor prepares for the inside; and a user's key to his own images.
_PREFIXES = ("APPTAINERENV_", "SINGULARITYENV_", "APPTAINER_DOCKER_", "SINGULARITY_DOCKER_")
_TIMEOUT_S = 120.0
# Three times this, for a turn, a pull and a second one, is less than the hour after which HTCondor takes its starter
# for dead.
_PULL_TIMEOUT_S = 1000.0


def main(words: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
    """`words` without the program's name. Ends as Apptainer ends.

    The first line that is printed is the reason in the job's log, right after HTCondor's own words.
    """
    try:
        job = call.parse(words)
        found, place = record.of_job(job.value("-W")), job.value("-W")
        setup = found.setup()
        _refuse(job, found, place)
        mounted = binds.again(Machine(), setup.binds, setup.locks)[0]
        changed = prepared(job, setup, mounted).working_in(_apart(place))
        own = environment(environ, setup, found, changed)
        if job.action == "test":
            result = started(changed, own, found, setup)
            shutil.rmtree(changed.value("-W"), ignore_errors=True)
            sys.exit(_explained(found, setup, job, (mounted, changed.image, own), result) if result.status else 0)
    except (OSError, ValueError) as error:
        sys.exit(f" no container is started: {error}")
    os.execve(BINARY, (BINARY, *changed.words), own)


def _apart(place: str) -> str:
    """The container's /tmp is below it: a file that the job brings must not be in the way. Goes with the job."""
    directory = Path(place) / f".apptainer-{os.getpid()}"
    directory.mkdir(mode=0o700)
    return str(directory)


def _refuse(job: Call, found: Record, place: str) -> None:
    refusal = images.refused(job.image, place) or images.shown(job.sources, place)
    if refusal:
        from ospool_ep.containers import blame

        blame.blame_image(found, job.image, place)
        raise ValueError(refusal)


def _explained(
    found: Record, setup: Setup, job: Call, how: tuple[tuple[str, ...], str, dict[str, str]], result: Result
) -> str:
    from ospool_ep.containers import blame, probe  # what they need would double the time of a start that succeeds

    mounted, image, own = how
    case = blame.Case(job.image, job.value("-W"), mounted, probe.Start(image, own, _TIMEOUT_S))
    return f" {blame.explain(found, setup, case, result)}"


def prepared(job: Call, setup: Setup, mounted: tuple[str, ...]) -> Call:
    """What Apptainer is asked for in the end."""
    return replace(job, image=registry.mirrored(job.image, setup.mirror)).at_home().bound(mounted)


def environment(environ: Mapping[str, str], setup: Setup, found: Record, job: Call) -> dict[str, str]:
    """Apptainer's own: nothing of the job's but what is for the inside (LD_PRELOAD would run out here)."""
    inside = {
        name: value for name, value in environ.items() if name.startswith(_PREFIXES) and not _ours(name, value, setup)
    }
    places = {
        "HOME": str(found.path),
        "APPTAINER_CONFIGDIR": str(found.path / "config"),
        "APPTAINER_CACHEDIR": str(found.cache),
        "APPTAINER_TMPDIR": job.value("-W"),
    }
    if setup.plain_http and job.image.startswith(f"docker://{setup.mirror}/"):
        places["APPTAINER_NOHTTPS"] = "1"
    if ("--nv",) in job.options:
        places |= command.with_libraries(setup.gpu_libraries)
    # Apptainer lets proxies through to the inside; ours may have passwords, and a job's own come with a prefix.
    hidden = {f"APPTAINERENV_{name}": "" for name in setup.environment if name.lower().endswith("_proxy")}
    return hidden | inside | PLAIN_ENVIRONMENT | setup.environment | places


def _ours(name: str, value: str, setup: Setup) -> bool:
    """Only jobs that run directly need it; here it would stand before what the image sets."""
    return bool(value) and name.endswith("ENV_LD_LIBRARY_PATH") and value == setup.library_path


def started(job: Call, own: dict[str, str], found: Record, setup: Setup) -> Result:
    """Before each job: does this image start here?

    Not Apptainer's own `test`: it runs a script of the image's, and needs a shell in it.
    """
    trial = replace(job, before=("-s",), action="exec", command=(TRUE,)).bound((TRUE_BIND,))
    words = (BINARY, *trial.words)
    if not registry.SCHEME.match(job.image):
        return Machine().run(words, _TIMEOUT_S, own)
    with cache.alone(found.cache, _PULL_TIMEOUT_S) as turn:
        if turn is None:
            return Result(1, "", f"other images have been pulled for {_PULL_TIMEOUT_S / 60:g} minutes")
        cache.trim(found.cache, setup.cache_mb)
        result = Machine().run(words, _PULL_TIMEOUT_S, own)
        if result.status not in (0, TIMED_OUT) and cache.mended(found.cache, result.stderr):
            result = Machine().run(words, _PULL_TIMEOUT_S, own)
    return result
