"""Which process is the pilot of this container, and who may look at it."""

import pytest

import fakes
import running_pilot
from ospool_ep.machine import Result
from ospool_ep.problem import Exit, Refused
from ospool_ep.status.process import find
from ospool_ep.status.user import become
from running_pilot import process

MASTER = ("/usr/sbin/condor_master", "-f", "-r", "1500")
BOOT = ("/usr/bin/python3", "-I", "/usr/bin/ospool-ep")
SELFTEST = ("/usr/bin/python3", "-I", "/usr/bin/ospool-selftest")
DOCKER_INIT = ("/sbin/docker-init", "--", "/usr/bin/ospool-ep")
INIT = "/usr/libexec/ospool-ep/init"
OURS, OTHER = "mnt:[1]", "mnt:[2]"


def found(root, **processes):
    """Pid and whether it boots, from `p1=(words, mount namespace)`."""
    process(root, "self", "python3")
    for name, (words, ns) in processes.items():
        process(root, name[1:], *words, ns=ns)
    one = find(fakes.machine(root))
    return one and (one.pid, one.booting)


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        ({"p1": (MASTER, OURS), "p9": (SELFTEST, OURS)}, (1, False)),
        ({"p1": (BOOT, OURS)}, (1, True)),
        ({"p1": ((*BOOT, "--inside", "7"), OURS)}, (1, True)),
        ({"p1": (DOCKER_INIT, OURS), "p7": (MASTER, OURS)}, (7, False)),
        ({"p1": (("/pause",), OTHER), "p7": (MASTER, OTHER), "p9": (MASTER, OURS)}, (9, False)),
        ({"p1": ((INIT, "8", "31", "/leave"), OURS), "p31": (MASTER, OTHER)}, (31, False)),
        # What another uid can see of it
        ({"p1": (MASTER, None)}, (1, False)),
        ({"p1": (DOCKER_INIT, None), "p7": (MASTER, None)}, (7, False)),
        # Not one of ours, or no pilot
        ({"p1": (("/sbin/init",), None), "p70": (MASTER, None)}, None),
        ({"p1": (("/sbin/init",), OTHER), "p70": (MASTER, OTHER)}, None),
        ({"p1": (SELFTEST, OURS)}, None),
        ({"p1": ((INIT, "8", "31", "/leave"), OURS), "p31": ((*SELFTEST, "--inside", "7"), OTHER)}, None),
        ({"p1": (("sleep", "300"), OURS), "p8": ((*BOOT, "--print-config"), OURS)}, None),
        ({"p1": (MASTER, OURS), "p8": ((*BOOT, "--print-config"), OURS)}, (1, False)),
    ],
)  # fmt: skip
def test_the_pilot_of_this_container(tmp_path, processes, expected):
    assert found(tmp_path, **processes) == expected


def test_without_proc_there_is_none(tmp_path):
    assert find(fakes.machine(tmp_path)) is None


@pytest.mark.parametrize(("uid", "able"), [(1234, True), (0, False)])
def test_another_uid_is_told_what_to_type(tmp_path, uid, able):
    """Root without capabilities, as under no-new-privileges, is one like any other."""
    machine = running_pilot.container(tmp_path)
    pilot = find(machine)
    theirs = pilot.__class__(pilot.pid, 4242, 4242, booting=False)
    setpriv = Result(0 if able else 1, "", "setpriv: setresuid failed: Operation not permitted\n")
    other = fakes.machine(tmp_path, uid=uid, answers=(("setpriv", setpriv),))
    with pytest.raises(Refused) as refused:
        become(other, theirs, ("/usr/bin/ospool-selftest",), {})
    (problem,) = refused.value.problems
    assert (problem.id, problem.exit_code) == ("pilot-user", Exit.PERMISSION)
    assert problem.cure == "docker exec -u 4242 PILOT ospool-selftest"


def test_its_own_user_and_anybody_without_a_pilot_go_on(tmp_path):
    machine = running_pilot.container(tmp_path)
    become(machine, find(machine), ("/usr/bin/false",), {})
    become(fakes.machine(tmp_path, uid=0), None, ("/usr/bin/false",), {})
