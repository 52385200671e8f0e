"""`docker stop` of a pilot that a stand-in for cvmfsexec holds: in order, in time and with status 0, as without it."""

import time

import cvmfs_standin
import payload
import pytest
import runs
from cvmfs_standin import MASKED, OASIS, OPEN

from poolbox import pilot, slots

ENV = {"CVMFSEXEC_REPOS": OASIS}
MODES = pytest.mark.parametrize("security", [OPEN, MASKED], ids=["open", "masked"])
# It tells on a volume what it got: what a job that is thrown out writes elsewhere is lost
OBEDIENT = f"""\
#!/bin/sh
trap 'echo TERM >/cvmfs-logs/got; cat /cvmfs/{OASIS}/README >>/cvmfs-logs/got; exit 0' TERM
echo here >/cvmfs-logs/started
while :; do sleep 0.2; done
"""
STUBBORN = "#!/bin/sh\ntrap '' TERM\necho here >/cvmfs-logs/started\nwhile :; do sleep 1; done\n"
SLEEPS = "STANDIN_SLEEP_S=1000\n"


def started(box, boot, site, security, **how):
    """A pilot that has mounted CVMFS, and the directory of its logs."""
    logs = box.scratch()
    options = (*security, *cvmfs_standin.mounts(box), "-v", f"{logs}:/cvmfs-logs")
    return boot(site, env=ENV, options=options, security=False, **how), logs


def stopped(box, container, grace_s=10):
    begin = time.monotonic()
    code = pilot.stop(box.engine, container, grace_s)
    return code, time.monotonic() - begin


def gone(pool, site):
    return slots.wait_until_gone(pool, f'GLIDEIN_Site == "{site}"', 5)


@MODES
def test_with_a_standin_for_cvmfsexec_an_idle_pilot_leaves_at_once(box, pool, boot, security):
    booted, _ = started(box, boot, "idle", security)
    assert stopped(box, booted.container)[0] == 0
    gone(pool, "idle")


@MODES
def test_with_a_standin_for_cvmfsexec_a_job_gets_sigterm_and_cvmfs_until_its_end(box, pool, boot, security):
    booted, logs = started(box, boot, "obedient", security)
    job = payload.send(pool, "obedient", script=OBEDIENT)
    payload.wait_until((logs / "started").exists)
    code, _ = stopped(box, booted.container)
    payload.remove(pool, job)
    assert code == 0
    assert (logs / "got").read_text() == "TERM\nfrom oasis\n"
    gone(pool, "obedient")


def test_with_a_standin_for_cvmfsexec_a_job_that_ignores_sigterm_does_not_break_the_window(box, pool, boot):
    booted, logs = started(box, boot, "stubborn", OPEN)
    job = payload.send(pool, "stubborn", script=STUBBORN)
    payload.wait_until((logs / "started").exists)
    code, seconds = stopped(box, booted.container)
    payload.remove(pool, job)
    assert code == 0
    assert seconds > 4, "the job's own time"
    gone(pool, "stubborn")


def test_neither_does_such_a_job_beside_standins_for_clients_that_hang(box, pool, boot):
    """Without a PID namespace cvmfsexec waits for them."""
    booted, logs = started(box, boot, "stubborn-hangs", MASKED)
    job = payload.send(pool, "stubborn-hangs", script=STUBBORN)
    payload.wait_until((logs / "started").exists)
    cvmfs_standin.signal(box, booted.container, "STOP")
    code, seconds = stopped(box, booted.container)
    payload.remove(pool, job)
    print(f"docker stop with a stubborn job and clients that hang: {seconds:.1f} s")
    assert code == 0


@MODES
@pytest.mark.parametrize(("number", "code"), [("TERM", 143), ("INT", 130)])
def test_a_signal_while_a_standin_for_cvmfsexec_mounts(box, security, number, code):
    options = (*security, *cvmfs_standin.mounts(box, SLEEPS))
    with cvmfs_standin.started(box, "mounting", *options, security=()) as container:
        payload.wait_until(lambda: "mounting" in pilot.logs(box.engine, container), 20)
        time.sleep(1)
        box.engine.run("kill", "-s", number, container)
        assert pilot.wait(box.engine, container) == code, "by itself it would mount, and go on"


@MODES
def test_signals_around_the_mount_with_a_standin_for_cvmfsexec_are_not_lost(box, boot, security):
    """Between Python's handlers, init's and the master's there must be no moment at which nobody hears."""
    codes = set()
    for number, delay_s in enumerate((0.2, 0.6, 0.9, 1.2, 1.5, 1.8, 2.2, 2.6)):
        booted, _ = started(box, boot, f"around{number}", security, slot=False)
        payload.wait_until(lambda name=booted.container: "mounting" in pilot.logs(box.engine, name), 20)
        time.sleep(delay_s)
        codes.add(stopped(box, booted.container)[0])
    assert codes <= {0, 143}, "137 would say that one took longer than the window"


def test_a_stop_with_inits_of_the_runtime_and_a_standin_for_cvmfsexec(box, pool, boot):
    """`docker run --init`: ours is not PID 1 there."""
    logs = box.scratch()
    options = ("--init", *cvmfs_standin.mounts(box), "-v", f"{logs}:/cvmfs-logs")
    booted = boot("with-init", env=ENV, options=options)
    job = payload.send(pool, "with-init", script=OBEDIENT)
    payload.wait_until((logs / "started").exists)
    code, _ = stopped(box, booted.container)
    payload.remove(pool, job)
    assert code == 0
    assert (logs / "got").read_text() == "TERM\nfrom oasis\n"


@pytest.mark.parametrize("site", ["restarted", "restarted-masked"])
def test_a_restart_of_the_container_with_a_standin_for_cvmfsexec(box, boot, site):
    """The engine keeps the files of the first life: nobody may start in the same directory again."""
    booted, _ = started(box, boot, site, MASKED if "masked" in site else OPEN)
    box.engine.run("kill", "-s", "KILL", booted.container)
    box.engine.run("start", booted.container)
    payload.wait_until(lambda: pilot.logs(box.engine, booted.container).count("mounted with cvmfsexec") == 2)
    # No job: it would be matched to the first life's ad
    assert cvmfs_standin.inside(box, booted.container, "cat", f"/cvmfs/{OASIS}/README") == "from oasis\n"


@pytest.fixture(scope="module")
def plain_s(box, pool, token_file):
    """What a stop takes without cvmfsexec."""
    with runs.together(box, pool, token_file, {"plain-stop": ({}, ())}) as booted:
        return stopped(box, booted["plain-stop"].container)[1]


@MODES
def test_the_window_of_docker_stop_is_the_same_with_a_standin_for_cvmfsexec(box, boot, plain_s, security):
    booted, _ = started(box, boot, "mount" if security == OPEN else "mount-masked", security)
    mounted_s = stopped(box, booted.container)[1]
    print(f"docker stop, idle: {plain_s:.2f} s without, {mounted_s:.2f} s with cvmfsexec's stand-in")
    assert mounted_s < 2 * plain_s + 2
