"""What condor_submit would add to a few lines (25.14)."""

import re
from dataclasses import replace

from ospool_ep import classads
from ospool_ep.for_job.job import Job

# Units: cores, MB, KB.
_DEFAULTS = {"JobUniverse": "5", "RequestCpus": "1", "RequestMemory": "128", "RequestDisk": "1048576"}
_FIXED = (
    '(TARGET.Arch == "X86_64")',
    '(TARGET.OpSys == "LINUX")',
    "(TARGET.Disk >= RequestDisk)",
    "(TARGET.Memory >= RequestMemory)",
    "(TARGET.Cpus >= RequestCpus)",
    "(TARGET.HasFileTransfer)",
)


def completed(job: Job) -> Job:
    """A job from a queue stays as it is."""
    if job.whole:
        return job
    added = {name: text for name, text in _DEFAULTS.items() if job.get(name) is None}
    own = job.get("Requirements")
    clauses = _requirements(replace(job, attributes={**job.attributes, **added}), own or "")
    requirements = " && ".join(([f"({own})"] if own else []) + clauses)
    others = {name: text for name, text in job.attributes.items() if name.lower() != "requirements"}
    assumed = [f"{name} = {text}" for name, text in added.items() if name != "JobUniverse"]
    assumed += [f"Requirements: {'also ' if own else ''}{' && '.join(clauses)}"] if clauses else []
    return replace(job, attributes={**others, **added, "Requirements": requirements or "True"}, assumed=tuple(assumed))


def _requirements(job: Job, own: str) -> list[str]:
    """Those that the user's own do not speak of already."""
    clauses = [*_FIXED, *_container(job), *_gpus(job)]
    expression = classads.parse(own) if own else None
    known = not isinstance(expression, classads.ParseFailure) and expression is not None
    mentioned = {name.lower() for name in classads.references(expression)} if known else set()
    return [
        clause for clause in clauses if not mentioned & {name.lower() for name in re.findall(r"TARGET\.(\w+)", clause)}
    ]


def _container(job: Job) -> tuple[str, ...]:
    image = (job.get("ContainerImage") or "").strip('"')
    if job.get("DockerImage") and not image:
        image = "docker://"
    if not image:
        return ()
    kind = "HasDockerURL" if image.startswith("docker:") else "HasSIF" if image.endswith(".sif") else "HasSandboxImage"
    return "TARGET.HasContainer", f"TARGET.{kind}"


def _gpus(job: Job) -> tuple[str, ...]:
    if job.get("RequestGPUs") is None:
        return ()
    if job.get("RequireGPUs") is None:
        return ("(TARGET.GPUs >= RequestGPUs)",)
    return ("(countMatches(MY.RequireGPUs, TARGET.AvailableGPUs) >= RequestGPUs)",)
