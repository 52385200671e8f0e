import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes import changed, machine, put
from ospool_ep import instance
from ospool_ep.machine import Result
from ospool_ep.problem import Exit, Refused

# Another process holds the lock of a directory until its standard input ends.
HOLDER = """
import fcntl, sys
mark = open(sys.argv[1], "r+b")
fcntl.lockf(mark, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def made(root, name="ep-0123abcd", **changes):
    place = instance.plan(machine(root, **changes), "/pilot", name)
    instance.create(machine(root, **changes), place)
    return place


def left(root, name, kernel="this-boot", age=0):
    """What a pilot that was killed leaves on the volume."""
    home = root / "pilot" / name
    (home / "execute").mkdir(parents=True)
    mark = put(root, f"/pilot/{name}/in-use", kernel)
    os.utime(mark, (time.time() - age,) * 2)
    return home


def test_names_are_random():
    first, second = instance.new_name(), instance.new_name()
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert first != second


def test_directories_and_modes_whatever_the_umask(root):
    before = os.umask(0o077)
    try:
        place = made(root)
    finally:
        os.umask(before)
    assert {"execute", "log", "lock", "run", "spool"} <= set(os.listdir(place.home))
    assert stat.S_IMODE((place.home / "execute").stat().st_mode) == 0o755
    assert stat.S_IMODE(place.private.stat().st_mode) == 0o700


def test_tokens_and_configuration_are_not_on_the_scratch_volume(root):
    place = instance.plan(machine(root), "/pilot", "ep-0123abcd")
    assert place.private == root / "run/ospool-ep/ep-0123abcd"
    assert {path.parent for path in (place.tokens, place.passwords, place.config)} == {place.private}
    assert place.cvmfs.parent == place.private, "a job that fills the disk does not end what is known of CVMFS"
    assert place.gpus.parent == place.private
    assert place.home == root / "pilot/ep-0123abcd"


def test_where_the_image_has_no_private_place_shared_memory_serves_then_scratch(root):
    (root / "run/ospool-ep").rmdir()
    assert instance.plan(machine(root), "/pilot", "ep-1").private == root / "dev/shm/ep-1"
    (root / "dev/shm").rmdir()
    assert instance.plan(machine(root), "/pilot", "ep-1").private == root / "pilot/ep-1/private"


def test_planning_creates_nothing(root):
    instance.plan(machine(root), "/pilot", "ep-0123abcd")
    assert os.listdir(root / "pilot") == []


def test_what_cannot_be_created_is_a_problem_with_the_path(nobodys):
    (nobodys / "pilot").mkdir()
    (nobodys / "pilot").chmod(0o500)
    with pytest.raises(Refused) as refused:
        made(nobodys)
    (problem,) = refused.value.problems
    assert problem.id == "scratch-create"
    assert "Permission denied" in problem.found
    assert "/pilot/ep-0123abcd" in problem.found
    assert problem.exit_code == Exit.UNFIT


def test_removing_leaves_nothing(root):
    place = made(root)
    put(place.private, "tokens.d/x", "secret")
    instance.remove(place)
    assert os.listdir(root / "pilot") == os.listdir(root / "run/ospool-ep") == []


def test_a_dead_pilot_of_this_boot_is_a_leftover_at_once(root):
    home = left(root, "ep-00000001")
    assert instance.leftovers(machine(root), "/pilot") == (home,)


def test_a_live_pilot_is_not(root):
    home = left(root, "ep-00000001", age=10**6)
    command = (sys.executable, "-c", HOLDER, str(home / "in-use"))
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        assert instance.leftovers(machine(root, now=int(time.time())), "/pilot") == ()
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
    assert instance.leftovers(machine(root, now=int(time.time())), "/pilot") == (home,)


def test_a_lock_outlives_the_exec(root):
    """The pilot becomes another program: what it created must still be seen as in use."""
    become = (
        "import os, sys\nsys.path[:0] = sys.argv[1:3]\nfrom pathlib import Path\nimport fakes\n"
        "from ospool_ep import instance\nm = fakes.machine(Path(sys.argv[3]))\n"
        "instance.create(m, instance.plan(m, '/pilot', 'ep-0000000a'))\n"
        "os.execv('/bin/sh', ['sh', '-c', 'echo changed; read line'])\n"
    )
    here = Path(__file__).parent
    command = (sys.executable, "-c", become, str(here), str(here.parent / "entrypoint"), str(root))
    pilot = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert pilot.stdout.readline() == b"changed\n"
        assert instance.leftovers(machine(root, now=int(time.time())), "/pilot") == ()
    finally:
        pilot.stdin.close()
        pilot.wait(10)
        pilot.stdout.close()
    private = root / "run/ospool-ep/ep-0000000a"
    assert instance.leftovers(machine(root), "/pilot") == (root / "pilot/ep-0000000a", private)


def test_another_hosts_pilot_is_left_alone_for_a_day(root):
    now = int(time.time())
    left(root, "ep-00000001", kernel="other-boot", age=23 * 3600)
    old = left(root, "ep-00000002", kernel="other-boot", age=25 * 3600)
    assert instance.leftovers(machine(root, now=now), "/pilot") == (old,)
    put(root, "/pilot/ep-00000002/lock/shared_port_ad", "alive")
    assert instance.leftovers(machine(root, now=now), "/pilot") == ()


def test_what_other_people_keep_there_is_never_touched(root):
    for name in ("ep-00000001x", "EP-00000001", "data", "ep-0000", "ep-0000000g"):
        left(root, name)
    put(root, "/pilot/ep-0000000b", "a file")
    (root / "pilot/ep-0000000c").mkdir()  # being made at this moment: no mark yet
    assert instance.leftovers(machine(root), "/pilot") == ()


def test_a_link_is_not_followed_out_of_the_volume(root):
    precious = root / "home/user"
    precious.mkdir(parents=True)
    put(root, "/home/user/in-use", "this-boot")
    put(root, "/home/user/thesis", "years")
    (root / "pilot/ep-0000000d").symlink_to(precious)
    real = machine(root, answers=())
    homes = instance.leftovers(real, "/pilot")
    subprocess.run(("rm", "-rf", "--one-file-system", *map(str, homes)), check=True)
    assert (precious / "thesis").read_text() == "years"


def test_tidying_says_what_it_did(root):
    home = left(root, "ep-00000001")
    assert instance.tidy(machine(root), ()) == ""
    assert instance.tidy(machine(root, answers=changed(("rm -rf", Result(0, "", "")))), (home,)) == (
        f"removed what earlier pilots left behind: {home}"
    )
    slow = machine(root, answers=changed(("rm -rf", Result(124, "", "no answer within 10 s"))))
    assert instance.tidy(slow, (home,)).startswith("began to remove")


def test_no_scratch_no_leftovers(tmp_path):
    assert instance.leftovers(machine(tmp_path), "/pilot") == ()
