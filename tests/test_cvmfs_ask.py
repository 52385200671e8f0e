"""Repositories as directories on a temporary root, asked by the real child."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import fakes
from fakes import put
from ospool_ep.cvmfs import look, names
from ospool_ep.cvmfs.ask import LATE, STUCK, UNASKED, Answer, ask
from ospool_ep.machine import Machine, Result

UNREAD = look.UNREAD
OASIS, CMS = "oasis.opensciencegrid.org", "cms.cern.ch"


@pytest.fixture
def machine(tmp_path):
    (tmp_path / "run/ospool-ep").mkdir(parents=True)
    put(tmp_path, f"/cvmfs/{OASIS}/README", "hello")
    (tmp_path / "cvmfs" / CMS / "software").mkdir(parents=True)
    return Machine(root=tmp_path)


def locks(machine, own=""):
    return machine.path(f"/run/ospool-ep/cvmfs-{machine.uid}-{machine.hostname}{own}")


@contextmanager
def leased(path):
    """A file that nobody else can open for the moment, as on a mount that hangs: the kernel asks us first."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(path, os.O_RDWR)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def numbers(path, **given):
    """The client's extended attributes, where this file system has such."""
    try:
        for name, value in given.items():
            os.setxattr(path, f"user.{name}", str(value).encode())
    except OSError:
        pytest.skip("no user.* attributes on the file system of the tests")


def test_one_answer_for_each_name_in_order(machine):
    answers = ask(machine, (CMS, "missing.cern.ch", OASIS), 5)
    assert answers == (Answer(CMS), Answer("missing.cern.ch", "ENOENT"), Answer(OASIS))


def test_nobody_is_asked_for_nothing(machine):
    assert ask(machine, (), 5) == ()
    assert not locks(machine).exists()


def test_listing_reads_no_file(machine):
    with leased(machine.path(f"/cvmfs/{OASIS}/README")):
        assert ask(machine, (OASIS,), 5) == (Answer(OASIS),)


def test_a_file_of_it_is_read_where_that_is_wanted(machine):
    assert ask(machine, (OASIS, CMS), 5, read=True) == (Answer(OASIS, file="README"), Answer(CMS, UNREAD))


def test_the_smallest_small_file_is_read_however_deep_it_lies(machine):
    top = f"/cvmfs/{CMS}"
    put(machine.root, f"{top}/a/b/empty", "")
    put(machine.root, f"{top}/a/b/c/large", b"x" * (1 << 17))
    put(machine.root, f"{top}/a/b/c/small", "xx")
    put(machine.root, f"{top}/a/b/c/tiny", "x")
    assert ask(machine, (CMS,), 5, read=True)[0].file == "a/b/c/tiny"


def test_a_large_file_is_better_than_none(machine):
    put(machine.root, f"/cvmfs/{CMS}/a/large", b"x" * (1 << 17))
    assert ask(machine, (CMS,), 5, read=True)[0].file == "a/large"


def test_what_could_lead_elsewhere_or_hang_by_itself_is_not_read(machine):
    top = machine.path(f"/cvmfs/{CMS}")
    (top / "file").symlink_to(machine.path(f"/cvmfs/{OASIS}/README"))
    (top / "directory").symlink_to(machine.path(f"/cvmfs/{OASIS}"))
    os.mkfifo(top / "fifo")
    assert ask(machine, (CMS,), 5, read=True) == (Answer(CMS, UNREAD),)


def test_a_large_repository_is_not_searched_to_its_end(machine):
    for number in range(24):
        machine.path(f"/cvmfs/{CMS}/d{number:02}").mkdir()
    put(machine.root, f"/cvmfs/{CMS}/d24/file", "x")
    assert ask(machine, (CMS,), 5, read=True) == (Answer(CMS, UNREAD),)
    numbers(machine.path(f"/cvmfs/{CMS}"), revision=5)
    assert ask(machine, (CMS,), 5, read=True) == (Answer(CMS, revision=5),), "its client's word"


@pytest.mark.parametrize(
    ("empty", "file"),
    [("abc", "d/file"), ("abcdefgh", "a/b/file"), ("abcdefgh", "h/i/j/k/file"), ("", "a/b/c/d/e/f/file")],
)
def test_a_file_is_found_whether_a_repository_is_wide_or_deep(machine, empty, file):
    for name in empty:
        machine.path(f"/cvmfs/{CMS}/{name}").mkdir(exist_ok=True)
    put(machine.root, f"/cvmfs/{CMS}/{file}", "x")
    assert ask(machine, (CMS,), 5, read=True) == (Answer(CMS, file=file),)


def test_the_clients_numbers(machine):
    numbers(machine.path(f"/cvmfs/{OASIS}"), revision=20202, nioerr=3, timestamp_last_ioerr=1_790_000_000, expires=5)
    assert ask(machine, (OASIS,), 5) == (Answer(OASIS, "", "", 20202, 3, 1_790_000_000),)


def test_a_number_that_is_none_is_not_known(machine):
    numbers(machine.path(f"/cvmfs/{OASIS}"), revision="unknown", nioerr="", timestamp_last_ioerr="0\n")
    assert ask(machine, (OASIS,), 5) == (Answer(OASIS, last_ioerr=0),)


def test_the_place_of_a_repository_where_nothing_is_mounted(machine):
    machine.path("/cvmfs/x.cern.ch").mkdir()
    for read in (True, False):
        assert ask(machine, ("x.cern.ch",), 5, read) == (Answer("x.cern.ch", "EMPTY"),)


def test_an_empty_repository_that_the_client_speaks_for_is_none_the_less_there(machine):
    machine.path("/cvmfs/x.cern.ch").mkdir()
    numbers(machine.path("/cvmfs/x.cern.ch"), revision=1)
    assert ask(machine, ("x.cern.ch",), 5) == (Answer("x.cern.ch", revision=1),)


@pytest.mark.parametrize(("make", "error"), [("file", "ENOTDIR"), ("link", "ENOENT"), ("loop", "ELOOP")])
def test_what_is_no_directory_is_an_error_by_name(machine, make, error):
    place = machine.path("/cvmfs/x.cern.ch")
    if make == "file":
        place.write_text("x")
    else:
        place.symlink_to(place if make == "loop" else "nowhere")
    assert ask(machine, ("x.cern.ch",), 5) == (Answer("x.cern.ch", error),)


def test_no_permission(nobodys):
    place = nobodys / "cvmfs" / CMS
    place.mkdir(parents=True, mode=0)
    said = subprocess.run(
        ("/usr/bin/python3", "-I", "-S", look.__file__, "5", str(nobodys), str(nobodys / "cvmfs"), "list", CMS),
        capture_output=True, text=True, check=True, **({"user": 65534} if os.getuid() == 0 else {}),
    )  # fmt: skip
    assert '"error": "EACCES"' in said.stdout


def test_one_that_hangs_costs_the_others_nothing_and_ends_in_time(machine):
    with leased(machine.path(f"/cvmfs/{OASIS}/README")):
        began = time.monotonic()
        answers = ask(machine, (OASIS, "missing.cern.ch", CMS), 0.5, read=True)
        took = time.monotonic() - began
    assert answers == (Answer(OASIS, LATE), Answer("missing.cern.ch", "ENOENT"), Answer(CMS, UNREAD))
    assert 0.5 <= took < 1.5


def test_while_a_question_hangs_there_is_no_second_one(machine):
    """The first child stands in for one that the kernel holds, and that therefore cannot end."""
    locks(machine, "-own").mkdir()
    place = (str(locks(machine, "-own")), str(machine.path(names.ROOT)))
    with leased(machine.path(f"/cvmfs/{OASIS}/README")):
        first = subprocess.Popen(
            ("/usr/bin/python3", "-I", "-S", look.__file__, "60", *place, "read", OASIS, CMS), stdout=-1
        )
        first.stdout.readline()  # CMS has answered
        answers = ask(machine, (OASIS, CMS), 0.8, read=True)
        assert answers == (Answer(OASIS, STUCK), Answer(CMS, UNREAD))
        first.kill()
        first.communicate()
    assert ask(machine, (OASIS,), 5, read=True) == (Answer(OASIS, file="README"),)


def test_boot_and_renewal_have_the_same_locks_and_another_uid_or_container_its_own(machine):
    ask(machine, (OASIS, CMS), 5)
    assert sorted(os.listdir(locks(machine))) == [CMS, OASIS]
    assert locks(machine).stat().st_mode & 0o777 == 0o700
    ask(Machine(root=machine.root, uid=4321, hostname="x"), (OASIS,), 5)
    assert (machine.path("/run/ospool-ep") / "cvmfs-4321-x").is_dir()


def test_what_cvmfsexec_has_mounted_is_asked_while_a_bound_one_of_that_name_hangs(machine):
    ask(machine, (OASIS,), 5)
    with (locks(machine) / OASIS).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert ask(machine, (OASIS,), 0.5) == (Answer(OASIS, STUCK),)
        assert ask(machine, (OASIS,), 5, read=True) == (Answer(OASIS, file="README"),)


def test_where_there_can_be_no_lock_the_question_is_asked(machine):
    put(machine.root, f"/run/ospool-ep/cvmfs-{machine.uid}-{machine.hostname}", "not a directory")
    assert ask(machine, (OASIS,), 5) == (Answer(OASIS),)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (Result(124, "", ""), LATE),
        (Result(0, '{"name": "oas', ""), LATE),
        (Result(127, "", "Resource temporarily unavailable"), UNASKED),
        (Result(1, "", "nsenter: reassociate to namespace failed"), UNASKED),
        (Result(-9, '{"name": "oas', ""), UNASKED),
    ],
)
def test_a_child_that_says_nothing_or_half_of_it_is_late_or_has_asked_nobody(root, result, error):
    here = fakes.machine(root, answers=(("look.py", result),))
    assert ask(here, (OASIS, CMS), 1) == (Answer(OASIS, error), Answer(CMS, error))


def test_one_that_is_only_slow_is_waited_for(machine):
    """Two questions at once, as selftest and renewal ask them."""
    locks(machine).mkdir()
    with (locks(machine) / OASIS).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(0.4, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        timer.start()
        assert ask(machine, (OASIS,), 5) == (Answer(OASIS),)
        timer.join()


def test_without_threads_nobody_is_asked_and_that_is_said(machine):
    """A job has forked up to the limit; root has none, so the child is another uid there."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n"
    program = limit + Path(look.__file__).read_text(encoding="utf-8")
    command = ("/usr/bin/python3", "-c", program, "0.3", "/nowhere", str(machine.path(names.ROOT)), "list", OASIS, CMS)
    other = {"user": 54321} if os.getuid() == 0 else {}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", **other)
    assert [json.loads(line)["error"] for line in done.stdout.splitlines()] == [UNASKED, UNASKED]


def test_half_a_line_does_not_spoil_the_whole_ones(root):
    line = '{"name": "%s", "error": "", "file": "f", "numbers": {"revision": 5}}\n'
    here = fakes.machine(root, answers=(("look.py", Result(124, line % OASIS + '{"name": "cms', "")),))
    assert ask(here, (OASIS, CMS), 1) == (Answer(OASIS, file="f", revision=5), Answer(CMS, LATE))
