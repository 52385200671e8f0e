"""The cron job: real questions to directories on a temporary root, and what comes of them in ad, record and log."""

import dataclasses
import json
import os

import classad2
import pytest

import fakes
from fakes import NOW, put
from ospool_ep.cvmfs import names, renew
from ospool_ep.cvmfs.ask import LATE, Answer
from ospool_ep.cvmfs.record import BOUND, MOUNTED, Record, State
from ospool_ep.cvmfs.repositories import OFF_S, Repository
from ospool_ep.machine import Machine

OASIS, CMS, ATLAS = "oasis.opensciencegrid.org", "cms.cern.ch", "atlas.cern.ch"
DEAD = "ENOTCONN"


def seen(name, **changes):
    return Repository(**({"name": name, "seen": True} | changes))


BOTH = State(BOUND, (seen(OASIS), seen(CMS)))
OURS = State(MOUNTED, (seen(names.CONFIG), seen(OASIS), Repository(CMS, "ENOENT", NOW)), (OASIS,))


@pytest.fixture
def here(tmp_path):
    """A machine with two repositories, a pilot's record and its log."""
    (tmp_path / "run/ospool-ep").mkdir(parents=True)
    for name in (names.CONFIG, OASIS):
        put(tmp_path, f"/cvmfs/{name}/README", "hello")
    return Machine(root=tmp_path, now=NOW)


@pytest.fixture
def record(tmp_path):
    made = Record(tmp_path / "record")
    made.create(BOTH)
    return made


def ad(capsys):
    return dict(classad2.parseOne(capsys.readouterr().out, classad2.ParserType.Old))


def test_it_prints_the_ad_and_keeps_what_it_found(here, record, capsys):
    assert renew.main(str(record.path), here) == 0
    said = ad(capsys)
    assert (said["HAS_CVMFS_oasis_opensciencegrid_org"], said["HAS_CVMFS_cms_cern_ch"]) == (True, False)
    assert said["CVMFS_COMMENT"] == "cms.cern.ch is not there"
    assert record.state() == State(BOUND, (seen(OASIS), seen(CMS, error="ENOENT", failed=NOW)))


def test_what_comes_back_counts_after_four_hours(here, record, capsys):
    renew.main(str(record.path), here)
    put(here.root, f"/cvmfs/{CMS}/README", "x")
    for later, expected in ((120, False), (OFF_S - 1, False), (OFF_S, True)):
        capsys.readouterr()
        renew.main(str(record.path), dataclasses.replace(here, now=NOW + later))
        assert ad(capsys)["HAS_CVMFS_cms_cern_ch"] is expected


@pytest.mark.parametrize("broken", ["{", None])
def test_where_the_record_is_lost_nothing_is_offered_for_four_hours(here, record, capsys, broken):
    if broken is None:
        (record.path / "state.json").unlink()
    else:
        (record.path / "state.json").write_text(broken)
    renew.main(str(record.path), here)
    said = ad(capsys)
    assert {f"HAS_CVMFS_{names.attribute(name)}" for name in (names.CONFIG, *names.WORTH)} <= set(said)
    assert True not in [value for name, value in said.items() if name.startswith("HAS_")]
    renew.main(str(record.path), dataclasses.replace(here, now=NOW + OFF_S))
    assert ad(capsys)["HAS_CVMFS_oasis_opensciencegrid_org"] is True


def test_a_full_disk_does_not_silence_it(here, record, capsys):
    for path in record.path.iterdir():
        path.unlink()
    record.path.rmdir()
    assert renew.main(str(record.path), here) == 0
    assert "HAS_CVMFS_cms_cern_ch" in ad(capsys)


def test_of_our_own_mounts_a_file_is_read_and_what_was_never_mounted_is_not_asked(here, record, capsys):
    record.save(OURS)
    put(here.root, f"/cvmfs/{CMS}/README", "only here by accident")
    renew.main(str(record.path), here)
    assert ad(capsys)["HAS_CVMFS_cms_cern_ch"] is False
    assert sorted(os.listdir(here.path(f"/run/ospool-ep/cvmfs-{here.uid}-{here.hostname}-own"))) == [
        names.CONFIG,
        OASIS,
    ]


@pytest.mark.parametrize(("before", "usable"), [(OURS, False), (BOTH, True)])
def test_a_file_that_cannot_be_read_tells_of_our_own_what_a_listing_does_not(nobodys, capsys, before, usable):
    """The kernel may still list what has died; a bound one may be empty of small files, and is only listed."""
    (nobodys / "run/ospool-ep").mkdir(parents=True)
    put(nobodys, f"/cvmfs/{OASIS}/README", "hello").chmod(0)
    record = Record(nobodys / "record")
    record.create(before)
    renew.main(str(record.path), Machine(root=nobodys))
    assert ad(capsys)["HAS_CVMFS_oasis_opensciencegrid_org"] is usable


def test_of_our_own_only_those_are_asked_that_were_asked_for_and_the_config_repository_once():
    assert renew.asked(OURS) == (names.CONFIG, OASIS)
    assert renew.asked(State(MOUNTED, (seen(names.CONFIG),), (names.CONFIG,))) == (names.CONFIG,)


def test_of_bound_ones_all_are_asked_that_the_boot_knew():
    assert renew.asked(BOTH) == (OASIS, CMS)


# --- the end of a pilot that has lost its CVMFS


def answered(before, *answers):
    return renew.renew(before, tuple(Answer(*one) for one in answers), NOW)


def test_where_all_of_it_has_died_init_is_told(tmp_path, record):
    """What init does with it is tested in the image."""
    leave = tmp_path / "leave"
    before = dataclasses.replace(OURS, leave=str(leave))
    after = answered(before, (names.CONFIG,), (OASIS, DEAD))
    assert after.lost
    renew._leave(after)
    assert leave.read_text() == "75\n"
    renew._leave(dataclasses.replace(after, leave=str(tmp_path / "missing/leave")))


def test_one_whose_cvmfs_has_died_prints_it_and_is_told_to_leave(root, record, tmp_path, capsys):
    """The canned child stands in for one that asked a dead mount: only FUSE makes such a thing."""
    record.save(dataclasses.replace(OURS, leave=str(tmp_path / "leave"), log=str(tmp_path / "log")))
    lines = [{"name": name, "error": DEAD, "file": "", "numbers": {}} for name in (names.CONFIG, OASIS)]
    said = "\n".join(map(json.dumps, lines))
    here = fakes.machine(root, answers=((" read ", fakes.Result(0, said, "")),))
    assert renew.main(str(record.path), here) == 0
    assert (tmp_path / "leave").read_text() == "75\n"
    assert ad(capsys)["CVMFS_LOST"] is True
    assert "exit code 75" in (tmp_path / "log").read_text()
    assert record.state().lost


def test_a_pilot_whose_cvmfs_lives_is_not_told_to_leave(here, record, tmp_path):
    record.save(dataclasses.replace(OURS, leave=str(tmp_path / "leave")))
    renew.main(str(record.path), here)
    assert not (tmp_path / "leave").exists()


def test_one_that_was_not_asked_keeps_what_it_was():
    assert answered(BOTH, (CMS, LATE)).repositories[0] == BOTH.repositories[0]


# --- the log


def news(before, *answers):
    return renew.news(before, answered(before, *answers), NOW)


def test_only_changes_are_told():
    assert news(BOTH, (OASIS,), (CMS,)) == ()
    assert news(BOTH, (OASIS, DEAD), (CMS,)) == (
        "oasis.opensciencegrid.org is dead: its client has ended (Transport endpoint is not connected)",
    )
    off = answered(BOTH, (OASIS, "EIO"))
    assert news(off, (OASIS, DEAD)) == ()
    assert news(off, (OASIS,)) == ()
    later = renew.renew(off, (Answer(OASIS),), NOW + OFF_S)
    assert renew.news(off, later, NOW + OFF_S) == ("oasis.opensciencegrid.org can be used again",)


def test_the_end_is_told_once():
    before = dataclasses.replace(OURS, leave="/x")
    after = answered(before, (OASIS, DEAD))
    told = renew.news(before, after, NOW)
    assert len(told) == 2
    assert "exit code 75" in told[-1]
    assert renew.news(after, after, NOW) == ()


def test_the_log_is_the_containers(tmp_path):
    log = put(tmp_path, "/log", "before\n")
    before = dataclasses.replace(BOTH, log=str(log))
    renew.tell(before, answered(before, (OASIS, "EIO")), NOW)
    lines = log.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[1].endswith(" CVMFS oasis.opensciencegrid.org cannot be read (Input/output error)")
    renew.tell(before, before, NOW)
    assert len(log.read_text().splitlines()) == 2


def test_a_log_that_cannot_be_written_is_no_obstacle(tmp_path):
    for log in (None, str(tmp_path / "missing/log")):
        before = dataclasses.replace(BOTH, log=log)
        renew.tell(before, answered(before, (OASIS, "EIO")), NOW)
