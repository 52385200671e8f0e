"""`docker stop`: in order, in time, with status 0, and nothing stays behind in the pool."""

import time

import pytest
import runs

from poolbox import jobs, pilot, slots

SCRIPT = "#!/bin/sh\ntrap '' TERM\necho started\nwhile :; do sleep 1; done\n"


def stopped_in(box, container, grace_s):
    begin = time.monotonic()
    code = pilot.stop(box.engine, container, grace_s)
    return code, time.monotonic() - begin


def sleeps(box, container, timeout_s=30):
    """Whether the job has come to its `sleep`, that is, behind its trap."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if any(process.name == "sleep" for process in pilot.processes(box.engine, container)):
            return True
        time.sleep(0.2)
    return False


def gone(pool, site):
    return slots.wait_until_gone(pool, f'GLIDEIN_Site == "{site}"', 5)


def test_an_idle_pilot_leaves_at_once(box, pool, boot):
    booted = boot("idle")
    code, seconds = stopped_in(box, booted.container, 10)
    assert code == 0
    assert seconds < 5
    gone(pool, "idle")


@pytest.mark.parametrize(("env", "grace_s"), [({}, 10), ({"OSPOOL_EP_STOP_SECONDS": "20"}, 20)], ids=["10 s", "20 s"])
def test_a_job_that_ignores_sigterm_does_not_break_the_window(box, pool, boot, env, grace_s):
    site = f"stubborn{grace_s}"
    booted = boot(site, env=env)
    job = jobs.submit(
        pool, runs.description(runs.at_site(site), runs.PROJECT, executable="stubborn.sh"), {"stubborn.sh": SCRIPT}
    )
    assert sleeps(box, booted.container), "the job did not get as far as its trap"
    code, seconds = stopped_in(box, booted.container, grace_s)
    pool.exec("condor_rm", str(job.cluster))
    assert code == 0
    assert seconds < grace_s
    assert seconds > grace_s / 2 - 1, "the job was not given its share of the window"
    gone(pool, site)


def test_stop_during_the_checks(box, boot):
    """An Apptainer that hangs keeps the boot busy: PID 1 must still hear the signal."""
    hangs = box.file("#!/bin/sh\nexec sleep 100\n", mode=0o755)
    booted = boot("checking", slot=False, options=("-v", f"{hangs}:/usr/bin/apptainer:ro"))
    time.sleep(1)
    code, seconds = stopped_in(box, booted.container, 10)
    assert code == 143
    assert seconds < 3


def test_ctrl_c_during_the_checks(box, boot):
    hangs = box.file("#!/bin/sh\nexec sleep 100\n", mode=0o755)
    booted = boot("checking", slot=False, options=("-v", f"{hangs}:/usr/bin/apptainer:ro"))
    time.sleep(1)
    box.engine.run("kill", "-s", "INT", booted.container)
    assert pilot.wait(box.engine, booted.container, 5) == 130


def test_a_signal_around_the_exec_is_not_lost(box, boot):
    """Between Python's handlers and the master's there must be no moment at which PID 1 ignores SIGTERM.

    Before its first line the interpreter is starting: nothing can have a handler then, and on a busy machine that
    takes longer than a `docker stop` to arrive.
    """
    codes = set()
    for number, delay_s in enumerate((0.0, 0.1, 0.2, 0.3, 0.5, 0.7)):
        booted = boot(f"exec{number}", slot=False)
        while "BOOT" not in pilot.logs(box.engine, booted.container):
            time.sleep(0.02)
        time.sleep(delay_s)
        codes.add(stopped_in(box, booted.container, 10)[0])
    assert codes <= {0, 143}


def test_a_job_whose_program_does_not_start_does_not_break_the_window(box, pool, boot):
    """25.14's starter hangs after it; the startd must not wait for it longer than the window lasts."""
    booted = boot("noprogram")
    more = (runs.PROJECT, "transfer_executable = false")
    job = jobs.submit(pool, runs.description(runs.at_site("noprogram"), *more, executable="/nonexistent"))
    slots.wait_for_slot(pool, 'GLIDEIN_Site == "noprogram" && State == "Claimed"', 30)
    time.sleep(1)
    code, seconds = stopped_in(box, booted.container, 10)
    pool.exec("condor_rm", str(job.cluster))
    assert code == 0
    assert seconds < 10
    gone(pool, "noprogram")
