"""What every job finds in its environment, in HTCondor's "new" syntax."""

import classad2

from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings

_TIMEOUT_S = 10.0
# The starter puts the job's scratch directory in its place (starter.cpp, expandScratchDirInEnv).
_SCRATCH = "#CoNdOrScRaTcHdIr#"


def judge(machine: Machine, settings: Settings) -> tuple[Problem, ...]:
    """Let HTCondor itself read EXTRA_JOB_ENV: a malformed value would fail every job (htcondor.md 10.3)."""
    text = settings.extra_job_env
    if not text:
        return ()
    result = machine.run(("classad_eval", "-quiet", f"mergeEnvironment({classad2.quote(text)})"), _TIMEOUT_S)
    if result.status != 0 or not result.stdout.startswith('"'):
        found = f"EXTRA_JOB_ENV={text!r} is not an environment in HTCondor's syntax"
        cure = "-e EXTRA_JOB_ENV=\"NAME=value OTHER='two words'\""
        return (
            Problem("job-environment", found, "every job would fail before it starts", cure, raw=result.stderr.strip()),
        )
    if any(word.startswith("PATH=") for word in text.replace("'", " ").split()):
        why = "it also replaces the PATH of job containers, and their programs are not found"
        return (warning("job-environment-path", "EXTRA_JOB_ENV sets PATH", why, "leave PATH out of EXTRA_JOB_ENV"),)
    return ()


def render(settings: Settings, proxy_works: bool, library_path: str = "") -> str:
    """The environment in V2 syntax, without the surrounding double quotes. `library_path`: of a GPU's driver."""
    variables = {
        "GLIDEIN_Site": settings.site,
        "GLIDEIN_ResourceName": settings.resource_name,
        "OSG_SITE_NAME": settings.resource_name,
        "OSG_SQUID_LOCATION": settings.squid,
        "http_proxy": settings.squid if proxy_works else "",
        "LD_LIBRARY_PATH": library_path,
        "OSG_WN_TMP": _SCRATCH,
        "TZ": "UTC",
    }
    words = [f"{name}={_quoted(value)}" for name, value in variables.items() if value]
    return " ".join([*words, settings.extra_job_env]).strip()


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
