from fakes import ids, machine, put
from ospool_ep import identity
from ospool_ep.problem import Exit, exit_code


def test_a_known_user(tmp_path):
    assert identity.ensure(machine(tmp_path)) == ("osg", ())


def test_an_unknown_uid_gets_an_entry(tmp_path):
    file = put(tmp_path, identity.PASSWD, "other:x:5:5::/:/bin/sh\n")
    name, problems = identity.ensure(machine(tmp_path, uid=12345, gid=0, user=None))
    assert (name, problems) == ("pilot", ())
    lines = file.read_text().splitlines()
    assert lines[0] == "other:x:5:5::/:/bin/sh"
    assert lines[1].split(":")[:4] == ["pilot", "x", "12345", "0"]
    assert len(lines[1].split(":")) == 7


def test_where_no_entry_can_be_made_it_is_a_warning_with_a_way_out(tmp_path):
    name, problems = identity.ensure(machine(tmp_path, uid=12345, user=None))
    assert name == "uid 12345"
    assert ids(problems) == ["user-unknown"]
    assert problems[0].warning
    assert "--user 1000" in problems[0].cure


def test_root_is_refused_and_nothing_is_written(tmp_path):
    file = put(tmp_path, identity.PASSWD, "")
    for user in ("root", None):
        _, problems = identity.ensure(machine(tmp_path, uid=0, user=user))
        assert ids(problems) == ["user-root"]
        assert "--user" in problems[0].cure
        assert exit_code(problems) == Exit.PERMISSION
    assert file.read_text() == ""
