"""A cgroup that the pilot may divide among jobs, on temporary directories; true ones are in the image ring."""

import errno
import os

import pytest

from fakes import GOOD, cgroup1, cgroup2, group, log_to_text, machine, member, mounted, put
from ospool_ep import boot, delegation
from ospool_ep.cvmfs.called import Called
from ospool_ep.delegation import Delegation

CGROUP = "/sys/fs/cgroup"
ALL = "cpuset cpu io memory pids"


def ours(root, directory=CGROUP, **changed):
    files = {"cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.type": "domain", "cgroup.controllers": ALL}
    group(root, directory, files | {name.replace("__", "."): text for name, text in changed.items()})
    member(root, "0::/")
    mounted(root, cgroup2(CGROUP))


def look(root, **changes):
    return delegation.look(machine(root, **changes))


def test_a_cgroup_of_our_own_is_found_and_nothing_is_changed(tmp_path):
    ours(tmp_path)
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    found = look(tmp_path)
    assert found == Delegation(CGROUP)
    assert "a cgroup of its own" in found.text
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_our_own_is_the_innermost_that_is_shown(tmp_path):
    ours(tmp_path)
    ours(tmp_path, f"{CGROUP}/user/pilot.service")
    member(tmp_path, "0::/user/pilot.service")
    assert look(tmp_path).directory == f"{CGROUP}/user/pilot.service"


def refused(root, why, **changes):
    found = look(root, **changes)
    assert found.directory is None
    assert why in found.why_not
    assert found.why_not in found.text
    assert "jobs are measured every few seconds" in found.text


def test_version_1_has_none(tmp_path):
    member(tmp_path, "4:memory:/")
    mounted(tmp_path, cgroup1(f"{CGROUP}/memory", "memory"))
    refused(tmp_path, "cgroup version 1")


@pytest.mark.parametrize("top", ["/../..", None])
def test_where_ours_is_not_shown_there_is_none(tmp_path, top):
    ours(tmp_path)
    mounted(tmp_path, *([cgroup2(CGROUP, top)] if top else []))
    refused(tmp_path, "our own is not shown")


def test_elsewhere_htcondor_does_not_look(tmp_path):
    ours(tmp_path, "/sys/fs/cgroup2")
    mounted(tmp_path, cgroup2("/sys/fs/cgroup2"))
    refused(tmp_path, f"not mounted on {CGROUP}")


@pytest.mark.parametrize("missing", ["cgroup.procs", "cgroup.subtree_control"])
def test_without_the_files_to_write_to_it_is_not_ours(tmp_path, missing):
    ours(tmp_path)
    (tmp_path / CGROUP.lstrip("/") / missing).unlink()
    refused(tmp_path, f"{CGROUP} is not ours to write to")


@pytest.mark.parametrize("shut", ["", "cgroup.procs", "cgroup.subtree_control"])
def test_what_belongs_to_somebody_else_is_not_ours(nobodys, shut):
    ours(nobodys)
    (nobodys / CGROUP.lstrip("/") / shut).chmod(0o555)
    refused(nobodys, f"{CGROUP} is not ours to write to")


@pytest.mark.parametrize(
    ("given", "why"),
    [("cpu io pids", "no memory controller"), ("cpu memory", "no pids controller"),
     ("", "no memory and pids controller")],
)  # fmt: skip
def test_without_the_controllers_it_is_of_no_use(tmp_path, given, why):
    ours(tmp_path, cgroup__controllers=given)
    refused(tmp_path, why)


def test_a_list_of_controllers_that_cannot_be_read(tmp_path):
    ours(tmp_path)
    shut = ((f"{CGROUP}/cgroup.controllers", errno.EACCES),)
    refused(tmp_path, "cgroup.controllers: Permission denied", unreadable=shut)


# --- entering it


class Pipe:
    """A file that remembers all that is written to it."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        self.end = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    @property
    def text(self):
        try:
            return os.read(self.end, 65536).decode()
        except BlockingIOError:
            return ""


def enter(root, directory=CGROUP):
    return delegation.enter(machine(root), Delegation(directory))


def test_processes_go_down_before_controllers_are_handed_down(tmp_path):
    ours(tmp_path)
    own = tmp_path / CGROUP.lstrip("/")
    (own / "ospool-ep").mkdir()
    moved, control = Pipe(own / "ospool-ep/cgroup.procs"), Pipe(own / "cgroup.subtree_control")
    (own / "cgroup.procs").write_text("0\n17\n")
    assert enter(tmp_path) == ""
    assert moved.text == "17"
    assert control.text == "+memory +pids+cpu+io"


def test_what_htcondor_does_for_a_job_is_rehearsed(tmp_path):
    ours(tmp_path)
    assert enter(tmp_path) == ""
    base = tmp_path / CGROUP.lstrip("/") / "htcondor"
    assert (base / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (base / "rehearsal.slice/memory.max").read_text() == "max"
    assert not (base / "rehearsal.slice/rehearsal.scope").exists()


def test_a_rehearsal_that_fails_is_no_success(tmp_path):
    """HTCondor would run the job without any limit (cgroup.max.descendants, somebody else's directory)."""
    ours(tmp_path)
    put(tmp_path, f"{CGROUP}/htcondor/rehearsal.slice", "")
    assert "rehearsal.slice" in enter(tmp_path)


def test_the_leaf_is_made_where_it_is_not_there_yet(tmp_path):
    ours(tmp_path, cgroup__procs="17")
    assert enter(tmp_path) == ""
    assert (tmp_path / CGROUP.lstrip("/") / "ospool-ep/cgroup.procs").read_text() == "17"


def test_the_machines_own_root_is_not_for_us_to_divide(tmp_path):
    ours(tmp_path)
    (tmp_path / CGROUP.lstrip("/") / "cgroup.type").unlink()
    refused(tmp_path, "the machine's own root cgroup")


@pytest.mark.parametrize(
    ("processes", "alone"), [((), True), (("17",), False), (("17", "18"), False)], ids=["we", "we and 17", "many"]
)
def test_a_cgroup_that_is_no_containers_is_only_divided_when_we_are_alone_in_it(tmp_path, processes, alone):
    directory = f"{CGROUP}/user/pilot.service"
    ours(tmp_path, directory, cgroup__procs="\n".join((str(os.getpid()), *processes)))
    why = enter(tmp_path, directory)
    assert why == "" if alone else f"{directory} has other processes" in why
    assert (tmp_path / directory.lstrip("/") / "ospool-ep").exists() is alone


@pytest.mark.parametrize("obstacle", ["ospool-ep", "cgroup.procs", "cgroup.subtree_control", "htcondor"])
def test_what_stands_in_the_way_is_told_and_the_pilot_does_without(tmp_path, obstacle):
    ours(tmp_path)
    path = tmp_path / CGROUP.lstrip("/") / obstacle
    path.unlink(missing_ok=True)
    if obstacle in ("ospool-ep", "htcondor"):
        path.write_text("")
    else:
        path.mkdir()
    why = enter(tmp_path)
    assert why.endswith((f"{CGROUP}/{obstacle}: File exists", f"{CGROUP}/{obstacle}: Is a directory"))
    log, said = log_to_text()
    assert boot._divide(machine(tmp_path), Delegation(CGROUP), log) is False
    assert f"warning job limits no cgroups for jobs: {why}; " in said.getvalue()


def test_where_there_is_none_nothing_is_tried_nor_told_again(tmp_path):
    log, said = log_to_text()
    assert boot._divide(machine(tmp_path), Delegation(None, "cgroup version 1"), log) is False
    assert said.getvalue() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("given", "answer"), [(ALL, "True"), ("cpu", "False")])
def test_the_configuration_says_whether_jobs_get_cgroups(root, capsys, given, answer):
    ours(root, cgroup__controllers=given, cpu__max="max 100000", memory__max="max", pids__max="max")
    put(root, "/proc/sys/kernel/random/boot_id", "this-boot\n")
    log, report = log_to_text()
    assert boot.print_config(machine(root), Called((), GOOD, 0.0), log) == 0
    assert f"CREATE_CGROUP_WITHOUT_ROOT = {answer}\n" in capsys.readouterr().out
    assert "job limits" in report.getvalue()
    assert not (root / "sys/fs/cgroup/ospool-ep").exists()
