"""What cvmfsexec and the client have written since an attempt began."""

from fakes import put
from ospool_ep.cvmfs import logs


def test_only_what_is_new_in_each_log_counts(tmp_path):
    here = tmp_path / "cvmfs-logs"
    old = put(tmp_path, "/cvmfs-logs/a.b.log", "of an earlier pilot\n")
    put(tmp_path, "/cvmfs-logs/c.d.log", "quiet\n")
    before = logs.sizes(here)
    with old.open("a") as stream:
        stream.write("new\n")
    put(tmp_path, "/cvmfs-logs/e.f.log", "another\n")
    assert logs.news(here, before, False) == "new\nanother\n"


def test_the_debug_log_is_shown_only_where_it_was_asked_for(tmp_path):
    here = tmp_path / "cvmfs-logs"
    put(tmp_path, "/cvmfs-logs/debug.log", "details\n")
    assert logs.news(here, {}, False) == ""
    assert logs.news(here, {}, True) == "details\n"


def test_other_files_there_are_no_logs(tmp_path):
    put(tmp_path, "/cvmfs-logs/notes.txt", "x\n")
    (tmp_path / "cvmfs-logs/directory.log").mkdir()
    assert logs.news(tmp_path / "cvmfs-logs", {}, True) == ""


def test_of_a_long_log_the_end_is_enough(tmp_path):
    file = put(tmp_path, "/cvmfs-logs/a.log", b"\xff" * 100_000 + b"the end\n")
    assert logs.tail(file).endswith("the end\n")
    assert len(logs.tail(file)) < 20_000
    assert logs.tail(file, 100_000) == "the end\n"


def test_without_a_directory_there_is_nothing(tmp_path):
    assert logs.sizes(tmp_path / "cvmfs-logs") == {}
    assert logs.news(tmp_path / "cvmfs-logs", {}, True) == logs.tail(tmp_path / "x") == ""
