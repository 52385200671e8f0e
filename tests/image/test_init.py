"""The small init that stays outside of cvmfsexec's namespaces: real signals to the real program.

cvmfsexec is stood in for by a shell that passes no signal on, condor_master by another with traps.
"""

import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from poolbox import pilot
from poolbox import pool as pools

INSIDE = Path(__file__).parent / "inside/become_init.py"
MOUNTED = ("-v", f"{INSIDE}:/become_init.py:ro", "--entrypoint", "python3")
# A payload that says what it hears; `sleep` must not be what a signal waits for
# A cvmfs client of the masked mode that hangs: a stopped orphan; and the umount that waits for its end
CLIENT = "(setsid bash -c 'kill -STOP $$' & echo $! >/tmp/client)"
WAITS = """\
begin=$(date +%s%3N)
while kill -0 $(cat /tmp/client) 2>/dev/null; do sleep 0.05; done
echo waited $(($(date +%s%3N) - begin))
"""
HEARS = """\
for name in INT QUIT HUP USR1 USR2; do trap "echo heard $name" $name; done
trap 'echo heard TERM; exit 7' TERM
echo ready
while :; do sleep 0.05; done
"""


def ends(box, script, *pending, env=None, options=()):
    """What comes of a payload that is this script; `pending` signals were sent before init started."""
    return box.run(env, options=(*MOUNTED, *options), command=("/become_init.py", script, *pending))


@contextmanager
def started(box, script, *options, env=None):
    """The name of a container in which init looks after a payload that has said `ready`."""
    name = f"{box.name}-init"
    pilot.remove(box.engine, name)
    variables = [word for pair in (env or {}).items() for word in ("-e", "=".join(pair))]
    label = f"{pools.LABEL}={box.name}"
    box.engine.run("run", "-d", "--name", name, "--network", box.name, "--label", label, *MOUNTED, *variables,
                   *options, box.image, "/become_init.py", script)  # fmt: skip
    try:
        wait_for(box, name, "ready")
        wait_for_init(box, name)
        yield name
    finally:
        pilot.remove(box.engine, name)


def wait_for(box, name, text, timeout_s=10):
    end = time.monotonic() + timeout_s
    while text not in pilot.logs(box.engine, name):
        assert time.monotonic() < end, f"no {text!r}: {pilot.logs(box.engine, name)}"
        time.sleep(0.1)


def wait_for_init(box, name, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not any(process.name == "init" for process in pilot.processes(box.engine, name)):
        assert time.monotonic() < end
        time.sleep(0.1)


def kill(box, name, signal):
    box.engine.run("kill", "-s", signal, name)
    time.sleep(0.3)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_it_ends_as_the_payload_ends(box, script, status):
    ended = ends(box, script)
    assert ended.code == status
    assert "init" not in ended.err


def test_it_learns_the_status_where_sigchld_was_ignored_before_it(box):
    assert ends(box, "sleep 1; exit 9", env={"IGNORE_CHILDREN": "1"}).code == 9


@pytest.mark.parametrize(
    ("text", "status"),
    [("75\n", 75), ("1", 1), ("255", 255), ("256", 0), ("300", 0), ("0", 0), ("", 0), ("-1", 0), ("75 ", 0), ("x", 0),
     ("99999999999", 0), ("7500000000000000000000000", 0), (None, 0)],
)  # fmt: skip
def test_the_pilots_own_word_counts_after_a_zero(box, text, status):
    assert ends(box, "exit 0", env={"LEAVE": text}).code == status


@pytest.mark.parametrize(("text", "status"), [("75", 75), ("", 99), (None, 99)])
def test_the_pilots_own_word_counts_after_a_master_that_was_told_to_leave(box, text, status):
    assert ends(box, "exit 99", env={"LEAVE": text}).code == status


def test_the_pilots_own_word_does_not_hide_a_failure(box):
    assert ends(box, "exit 3", env={"LEAVE": "75"}).code == 3


@pytest.mark.parametrize("there", ["mkfifo /tmp/leave", "mkdir /tmp/leave", "ln -s /tmp/other /tmp/leave"])
def test_what_is_no_file_is_no_word(box, there):
    assert ends(box, f"echo 75 >/tmp/other; {there}").code == 0


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["PID 1", "not PID 1"])
def test_signals_reach_the_payload_and_nobody_else(box, options):
    with started(box, HEARS, *options) as name:
        for signal in ("INT", "USR1", "USR2", "HUP", "QUIT", "HUP", "ALRM", "PIPE", "TERM"):
            kill(box, name, signal)
        assert pilot.wait(box.engine, name, 60) == 7
        said = pilot.logs(box.engine, name).splitlines()
    assert said == ["ready", "heard HUP", "heard QUIT", "heard HUP", "heard TERM"]


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGQUIT", "SIGHUP"])
def test_a_signal_that_came_before_it_started_is_not_lost(box, signal):
    script = f"trap 'exit 8' {signal}; : >/tmp/ready; while :; do sleep 0.05; done"
    assert ends(box, script, signal).code == 8


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["PID 1", "not PID 1"])
def test_orphans_are_reaped(box, options):
    script = """\
for i in $(seq 50); do (true & true) & done; wait
(sleep 1 & echo $! >/tmp/orphan)
grep PPid /proc/$(cat /tmp/orphan)/status
grep -l 'Name:.init' /proc/[0-9]*/status
sleep 1.3; grep -h State /proc/[0-9]*/status | grep -c zombie
"""
    ended = ends(box, script, options=options)
    parent, *inits, zombies = ended.out.splitlines()
    assert f"/proc/{parent.split()[1]}/status" in inits
    assert zombies == "0"


def test_it_is_small(box):
    with started(box, HEARS) as name:
        (init,) = [process for process in pilot.processes(box.engine, name) if process.name == "init"]
    print(f"init: {init.rss_mb * 1024:.0f} kB resident")
    assert init.rss_mb < 1


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["PID 1", "not PID 1"])
def test_a_client_that_hangs_is_killed_so_that_cvmfsexec_can_end(box, options):
    """It had a moment to end by itself; 137 would say that cvmfsexec was killed."""
    ended = ends(box, f"{CLIENT}; exit 6", env={"STANDIN_END": WAITS, "ORPHANS_FIRST": "1"}, options=options)
    assert ended.code == 6
    assert ended.err == ""
    assert waited_ms(ended.out) > 1900


def waited_ms(said):
    """How long the client that hangs held cvmfsexec."""
    return int(said.partition("waited ")[2].split()[0])


def test_late_in_a_stop_a_client_that_hangs_is_killed_sooner(box):
    """A stubborn job has used up most of the window: the rest must do for cvmfsexec."""
    found = {}
    for stubborn_s in (0, 6):
        script = f"{CLIENT}; trap 'sleep {stubborn_s}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        with started(box, script, env={"STANDIN_END": WAITS, "ORPHANS_FIRST": "1"}) as name:
            kill(box, name, "TERM")
            assert pilot.wait(box.engine, name, 60) == 0
            found[stubborn_s] = waited_ms(pilot.logs(box.engine, name))
    print(f"a client that hangs is waited for, by the seconds of the stop: {found} ms")
    assert found[6] < found[0]


def test_a_stop_that_was_asked_for_is_no_reason_to_start_again(box):
    script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with started(box, script, env={"LEAVE": "75"}) as name:
        kill(box, name, "TERM")
        assert pilot.wait(box.engine, name, 60) == 0


def test_a_cvmfsexec_that_does_not_end_is_not_waited_for_for_ever(box):
    begin = time.monotonic()
    ended = ends(box, "exit 0", env={"STANDIN_END": "sleep 1000"})
    assert ended.code == 137
    assert ended.err == "init: condor_master has ended, cvmfsexec has not in 5 s: killed\n"
    assert time.monotonic() - begin > 5


@pytest.mark.parametrize(("end", "code"), [("sleep 1000 & sleep 1001", 137), ("setsid sleep 1002 &", 0)])
def test_without_a_pid_namespace_nobody_lives_on(box, end, code):
    """Apptainer: what is left would hold the cache. The shell around it stands in for the host.

    This payload may end before init is there to adopt what it leaves.
    """
    wait = "for i in {1..50}; do pgrep -x sleep >/dev/null || break; timeout 0.1 tail -f /dev/null; done"
    around = f"python3 /become_init.py 'exit 0'; echo ended $?; {wait}; pgrep -x sleep; echo looked"
    options = ("-v", f"{INSIDE}:/become_init.py:ro", "--entrypoint", "bash")
    ended = box.run({"STANDIN_END": end, "ORPHANS_FIRST": "1"}, options=options, command=("-c", around))
    assert ended.out.splitlines() == [f"ended {code}", "looked"]


def test_a_cvmfsexec_that_takes_a_second_to_end_is_waited_for(box):
    assert ends(box, "exit 5", env={"STANDIN_END": "sleep 1"}).code == 5


@pytest.mark.parametrize(("script", "least_s"), [(HEARS, 0), ("trap '' TERM; echo ready; sleep 1000", 9)])
def test_a_payload_that_has_lost_cvmfsexec_is_told_to_end(box, script, least_s):
    with started(box, script) as name:
        begin = time.monotonic()
        box.inside(name, "pkill", "-KILL", "-f", "^bash -c bash -c .echo")
        assert pilot.wait(box.engine, name, 60) == 137
        assert least_s <= time.monotonic() - begin
        if not least_s:
            assert "heard TERM" in pilot.logs(box.engine, name)


@pytest.mark.parametrize(
    "arguments", [(), ("1",), ("2", "3"), ("2", "x", "l"), ("0", "2", "l"), ("-1", "2", "l"), ("2", "1", "l"),
                  ("2", "99999999999", "l"), ("2", "3", "l", "m")],
)  # fmt: skip
def test_wrong_arguments_cost_one_line(box, arguments):
    ended = box.run(options=("--entrypoint", "/usr/libexec/ospool-ep/init"), command=arguments)
    assert ended.code == 70
    assert ended.err.startswith("init: usage: ")
    assert ended.err.count("\n") == 1


def test_a_process_that_is_no_child_costs_one_line(box):
    ended = box.run(options=("--entrypoint", "/usr/libexec/ospool-ep/init"), command=("3", "3", "/tmp/leave"))
    assert (ended.code, ended.err) == (70, "init: CHILD is not a child of this process\n")
