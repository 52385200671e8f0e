"""What scripts/demo does: a pool, a pilot and a job on this machine, from nothing to the job's output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poolbox import condor, image, jobs, pilot, proof, slots, workdir
from poolbox import pool as pools
from poolbox.engine import Engine
from poolbox.pool import Pool, PoolError
from poolbox.progress import Steps

SLOT_TIMEOUT_S = 60
JOB_TIMEOUT_S = 120
SHOWN = (
    *("Name", "Machine", "State", "Activity", "Cpus", "Memory", "Disk"),
    *("GLIDEIN_Site", "GLIDEIN_ResourceName", "OSG_NODE_VALIDATED"),
    *("HAS_SINGULARITY", "HasSingularity", "HasSIF", "SINGULARITY_VERSION", "CondorVersion", "Start", "Rank"),
)


@dataclass(frozen=True)
class Pilot:
    """A booted pilot: its container, the host name its jobs see, its own report and its slot's ad."""

    container: str
    host: str
    report: str
    ad: dict[str, str]


def run(engine: Engine, steps: Steps, name: str, tag: str | None, keep: bool) -> None:
    """Everything, in order. Raises PoolError or EngineError; removes all at the end, unless `keep`."""
    tag = tag or image.build(engine, steps)
    try:
        _show(steps, *_pool_pilot_job(engine, steps, name, tag))
    finally:
        (workdir.path(name) / "token").unlink(missing_ok=True)  # the pilot has its own copy
        if keep:
            steps.say(_how_to_go_on(engine, name))
        else:
            clean(engine, steps, name, tag)


def clean(engine: Engine, steps: Steps, name: str, tag: str) -> bool:
    """Remove the pool, its pilots and its directory; False if there was none."""
    with steps.step("clean up"):
        found = pools.stop(engine, name) or workdir.path(name).exists()
        workdir.remove(engine, tag, name)
    return found


def _pool_pilot_job(engine: Engine, steps: Steps, name: str, tag: str) -> tuple[Pilot, jobs.JobResult]:
    with steps.step("start a pool: central manager and access point") as note:
        pool = pools.start(engine, tag, name)
        directory = workdir.create(engine, tag, name)
        note(pool.host)
    with steps.step("issue a token for the pilot") as note:
        token = pools.issue_token(pool)
        token_file = workdir.write_token(engine, tag, directory / "token", token)
        note(f"pilot@{pool.domain}, in {token_file}")
    warning = workdir.open_fuse(directory)
    if warning:
        steps.say(f"note    {warning}")
    booted = _boot(pool, steps, directory, token_file)
    return booted, _run_job(pool, steps, booted)


def _boot(pool: Pool, steps: Steps, directory: Path, token_file: Path) -> Pilot:
    with steps.step("boot a pilot into it") as note:
        container = pilot.start(pool, token_file, directory / "scratch")
        constraint = f'GLIDEIN_ResourceName == "{pilot.RESOURCE}"'
        try:
            ad = slots.wait_for_slot(pool, constraint, SLOT_TIMEOUT_S, unless_ended=container)
        except PoolError as error:
            raise PoolError(f"{error}\n{_last_words(pool, container)}") from None
        host = pool.engine.run("inspect", "-f", "{{.Config.Hostname}}", container).stdout.strip()
        note(condor.unquoted(ad["Name"]))
    return Pilot(container, host, _report(pool, container), ad)


def _report(pool: Pool, container: str) -> str:
    """Everything up to the exec, without the date."""
    lines = pilot.logs(pool.engine, container).partition("exec condor_master")[0].splitlines()[:-1]
    return "\n".join(f"  {line.partition(' BOOT ')[2] or line}" for line in lines)


def _run_job(pool: Pool, steps: Steps, booted: Pilot) -> jobs.JobResult:
    with steps.step("build the job's container image") as note:
        directory = jobs.new_directory(pool)
        word, size = proof.build_image(pool, directory)
        note(f"{proof.IMAGE}, {size // 1000} KB, with a random word in it")
    with steps.step("submit the job") as note:
        job = jobs.submit(pool, proof.DESCRIPTION, directory=directory)
        note(f"job {job.cluster}")
    with steps.step("run the job in the pilot") as note:
        result = jobs.wait_for_job(pool, job, JOB_TIMEOUT_S)
        note(result.state)
    if result.state != "done" or result.exit_code != 0:
        raise PoolError(_job_failure(pool, job, result, booted))
    wrong = proof.doubts(result.stdout, word, booted.host)
    if wrong:
        raise PoolError("the job's output is not as it must be:\n  " + "\n  ".join([*wrong, result.stdout]))
    return result


def _show(steps: Steps, booted: Pilot, result: jobs.JobResult) -> None:
    steps.say(f"\nWhat the pilot found at its start:\n{booted.report}")
    steps.say("\nThe pilot's slot, as condor_status -l shows it:")
    for name in SHOWN:
        steps.say(f"  {name:<22}{booted.ad.get(name, '(not in the ad)')}")
    steps.say("\nThe job's output, from inside its container inside the pilot's container:")
    for line in result.stdout.splitlines():
        steps.say(f"  {line}")


def _job_failure(pool: Pool, job: jobs.Job, result: jobs.JobResult, booted: Pilot) -> str:
    said = [f"the job did not succeed: {result.state}, exit status {result.exit_code}, signal {result.signal}"]
    if result.hold_reason:
        said.append(f"hold reason: {result.hold_reason}")
    if result.state == "waiting":
        said.append(f"what happened to it: {', '.join(result.events)}\n{jobs.why_idle(pool, job)}")
    said += [text for text in (result.stdout, result.stderr) if text]
    return "\n".join([*said, _last_words(pool, booted.container)])


def _last_words(pool: Pool, container: str) -> str:
    lines = pilot.logs(pool.engine, container).splitlines()[-40:]
    state = "still runs" if pilot.running(pool.engine, container) else "has ended"
    return "\n  ".join([f"the pilot's container {state}; its last lines:", *lines])


def _how_to_go_on(engine: Engine, name: str) -> str:
    cm, client = f"{name}-cm", engine.argv[0]
    which = "" if name == pools.DEFAULT_NAME else f" --name {name}"
    return f"""
The pool and the pilot stay up (--keep).
  look at the slots      {client} exec {cm} condor_status
  the whole ad           {client} exec {cm} condor_status -l
  the pilot's log        {client} logs -f {name}-pilot
  a shell to submit from {client} exec -it -u osg -w {pools.SUBMIT_DIR} {cm} bash
                         (condor_submit FILE, with a line +ProjectName = "Demo" in it; condor_q;
                         the demo's own job is in job.*)
  stop the pilot         {client} stop {name}-pilot
  remove everything      scripts/demo --down{which}"""
