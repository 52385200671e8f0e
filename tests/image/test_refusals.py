"""Boots that must be refused: exit code, and what the administrator reads."""

import pytest
import runs


def test_five_mistakes_are_told_at_once(box):
    scratch = box.scratch(uid=0)
    options = ("-v", f"{scratch}:/pilot", "-v", f"{box.file('START = True')}:/etc/osg/extra-attributes.cfg")
    env = {"GLIDEIN_Site": "", "NUM_CPUS": "abc", "GLIDEIN_Start_Extra": "TARGET.x ==", "GLIDEIN_Sitee": "typo"}
    ended = box.run(env, options, token=None)
    expected = {"setting-missing", "setting-invalid", "scratch-permission", "token-missing", "extra-attributes-line",
                "start-extra-syntax"}  # fmt: skip
    assert set(ended.refusals) == expected
    assert ended.warnings == ["setting-unknown"]
    assert ended.code == 78
    assert "not started: 6 problems to correct; exit 78 (configuration)" in ended.out
    assert "GLIDEIN_Sitee is not a variable of this pilot" in ended.out
    assert "did you mean GLIDEIN_Site?" in ended.out
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("env", "id", "words"),
    [
        ({"GLIDEIN_Site": None}, "setting-missing", "GLIDEIN_Site is not set"),
        ({"GLIDEIN_ResourceName": " "}, "setting-missing", "GLIDEIN_ResourceName is empty"),
        ({"NUM_CPUS": "abc"}, "setting-invalid", "NUM_CPUS='abc' is not a whole number"),
        ({"MEMORY": "2g"}, "setting-invalid", "MEMORY='2g' is not a whole number"),
        ({"ITB": "maybe"}, "setting-invalid", "ITB='maybe' is neither true"),
        ({"POOL": "cm.example.org:x"}, "setting-invalid", "is not a host name with an optional port"),
        ({"GLIDEIN_Site": "A\nSTART = True"}, "setting-invalid", "a line break"),
        ({"GLIDEIN_Start_Extra": "True\nSTART = True"}, "setting-invalid", "a line break"),
        ({"GLIDEIN_Start_Extra": "True) || (True"}, "start-extra-syntax", "is not a ClassAd expression"),
        ({"GLIDEIN_Start_Extra": "TARGET.RequestMemory < "}, "start-extra-syntax", "column"),
        ({"GLIDEIN_Start_Extra": "false"}, "start-never", "START can never be true"),
        ({"GLIDEIN_Start_Extra": 'GLIDEIN_Site == "Elsewhere"'}, "start-never", "START can never be true"),
        ({"EXTRA_JOB_ENV": "bad env here"}, "job-environment", "is not an environment in HTCondor's syntax"),
        ({"CCB_RANGE_LOW": "9700", "CCB_RANGE_HIGH": "9600"}, "setting-ccb-range", "are not a range"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused(box, env, id, words):
    ended = box.run(env)
    assert (ended.code, ended.refusals) == (78, [id])
    assert words in unwrapped(ended.out)


def test_start_extra_is_shown_with_the_place_of_the_mistake(box):
    ended = box.run({"GLIDEIN_Start_Extra": "TARGET.RequestCpus > 1 %% 2"})
    lines = ended.out.splitlines()
    row = max(i for i, line in enumerate(lines) if line.endswith(" TARGET.RequestCpus > 1 %% 2"))
    column = lines[row].index("%%")
    assert lines[row + 1].rstrip() == " " * column + "^"


def test_every_bad_line_of_the_extra_attributes_is_named(box):
    text = (
        'Rack = "R1"\n# a comment\nno equals sign\n1abc = 2\nRack = "again"\nSTART = True\nCpus = 64\n'
        'HAS_SINGULARITY = True\nColor = blue green\nOpen = "no end\nTwo = True) || (True\nMASTER_DEBUG = 1\n'
    )
    ended = box.run(options=("-v", f"{box.file(text)}:/etc/osg/extra-attributes.cfg"))
    assert ended.code == 78
    assert set(ended.refusals) == {"extra-attributes-line"}
    seen = unwrapped(ended.out)
    for number, words in {
        3: "has no =", 4: "'1abc' is not an attribute name", 5: "Rack is already set further up",
        6: "START is a name that the pilot or HTCondor uses", 7: "Cpus is a name", 8: "HAS_SINGULARITY is a name",
        9: "HTCondor's parser does not accept", 10: "a double quote is missing", 11: "HTCondor's parser",
        12: "MASTER_DEBUG is a name",
    }.items():  # fmt: skip
        assert f"extra-attributes.cfg line {number}: " in seen
        assert words in seen.split(f"line {number}: ", 1)[1].split("why:")[0]
    for number in (1, 2):
        assert f"line {number}: " not in seen


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"Rack = \"\xff\xfe\"\n", "is not UTF-8"), ("", None), ("\ufeff# only a comment\r\n", None)],
)  # fmt: skip
def test_extra_attributes_as_a_file(box, text, words):
    # --print-config stands for a boot that goes on: it ends by itself
    ended = box.run(options=("-v", f"{box.file(text)}:/etc/osg/extra-attributes.cfg"), command=("--print-config",))
    assert ended.code == (78 if words else 0)
    assert (words or "") in ended.err


def test_extra_attributes_that_are_a_directory(box):
    ended = box.run(options=("-v", f"{box.new_path()}:/etc/osg/extra-attributes.cfg"))
    assert (ended.code, ended.refusals) == (78, ["extra-attributes-directory"])
    assert "is a directory" in ended.out


SCRATCH = {
    "root's directory": ("scratch-permission", 77, "not writable by uid 1000"),
    "read-only": ("scratch-read-only", 69, "mounted read-only"),
    "noexec": ("scratch-noexec", 69, "mounted noexec"),
    "tiny": ("scratch-full", 69, "jobs need 512 MB at least"),
}


@pytest.mark.parametrize("case", SCRATCH)
def test_scratch_that_cannot_serve(box, case):
    options = {
        "root's directory": lambda: ("-v", f"{box.scratch(uid=0)}:/pilot"),
        "read-only": lambda: ("-v", f"{box.scratch()}:/pilot:ro"),
        "noexec": lambda: ("--tmpfs", "/pilot:noexec,mode=1777,size=5g"),
        "tiny": lambda: ("--tmpfs", "/pilot:exec,mode=1777,size=20m"),
    }[case]()
    id, code, words = SCRATCH[case]
    ended = box.run(options=options)
    assert (ended.refusals, ended.code) == ([id], code)
    assert words in ended.out
    assert "type:" in ended.out


def test_a_small_scratch_volume_is_a_warning(box):
    ended = box.run(options=("--tmpfs", "/pilot:exec,mode=1777,size=1g"), command=("--print-config",))
    assert (ended.code, ended.warnings) == (0, ["scratch-little", "scratch-in-memory"])


@pytest.mark.parametrize(
    ("env", "id", "words"),
    [
        ({"GLIDEIN_Sites": "x"}, "setting-unknown", "did you mean GLIDEIN_Site?"),
        ({"NUMCPUS": "2"}, "setting-unknown", "did you mean NUM_CPUS?"),
        ({"SYSLOG_HOST": "syslog.example.org"}, "setting-not-yet", "logs go to standard output only"),
        ({"_CONDOR_START": "True"}, "setting-htcondor", "_CONDOR_START is set, but is not passed on"),
        ({"NUM_CPUS": "60000"}, "offer-lowered", "NUM_CPUS=60000 is more than"),
        ({"GLIDEIN_Start_Extra": "TARGET.NoSuchThing > 1"}, "start-extra-attribute", "mentions NoSuchThing"),
        ({"EXTRA_JOB_ENV": "PATH=/usr/bin"}, "job-environment-path", "EXTRA_JOB_ENV sets PATH"),
    ],
)
def test_a_doubtful_setting_is_a_warning(box, env, id, words):
    ended = box.run(env, command=("--print-config",))
    assert (ended.code, ended.warnings, ended.refusals) == (0, [id], [])
    assert words in unwrapped(ended.err)


def test_what_env_files_do_to_values_is_tolerated(box):
    env_file = box.file('GLIDEIN_Site="My Site"\nGLIDEIN_ResourceName=\'Res\'  \r\nNUM_CPUS="1" \nITB=" No "\n')
    bare = {"GLIDEIN_Site": None, "GLIDEIN_ResourceName": None}
    ended = box.run(bare, ("--env-file", str(env_file)), ("--print-config",))
    assert (ended.code, ended.warnings) == (0, [])
    assert 'GLIDEIN_Site = "My Site"\n' in ended.out
    assert 'GLIDEIN_ResourceName = "Res"\n' in ended.out
    assert "\nNUM_CPUS = 1\n" in ended.out


def test_an_unknown_argument_is_refused(box):
    ended = box.run(command=("--boot",))
    assert (ended.code, ended.refusals) == (78, ["argument"])
    assert "unknown argument '--boot'" in ended.out
    assert "usage: docker run" in ended.out


def test_help_names_every_variable_and_needs_none(box):
    ended = box.run(dict.fromkeys(("GLIDEIN_Site", "GLIDEIN_ResourceName", "POOL")), (), ("--help",), token=None)
    assert ended.code == 0
    for name in ("GLIDEIN_Site", "TOKEN", "POOL", "OSPOOL_EP_STOP_SECONDS", "GLIDEIN_Start_Extra"):
        assert f"\n  {name}  (" in ended.out


def test_print_config_boots_nothing_and_htcondor_accepts_it(box):
    scratch = box.scratch()
    ended = box.run(runs.GOOD, ("-v", f"{scratch}:/pilot"), ("--print-config",))
    assert ended.code == 0
    assert list(scratch.iterdir()) == []
    assert "BOOT" not in ended.out
    config = box.file(ended.out)
    options = ("-v", f"{config}:/tmp/config:ro", "-e", "CONDOR_CONFIG=/tmp/config", "--entrypoint", "condor_config_val")
    read = box.run(options=options, command=("GLIDEIN_Site", "DAEMON_LIST", "START"))
    site, daemons, start = read.out.splitlines()
    assert (site, daemons) == ('"Test-Site"', "MASTER STARTD")
    assert start.endswith(f"({runs.GOOD['GLIDEIN_Start_Extra']})")


def unwrapped(text: str) -> str:
    """The report without its line breaks and indentation."""
    return " ".join(text.split())


def test_without_a_network_the_answer_comes_at_once(box):
    """HTCondor would look for its own name for two minutes (htcondor's ipv6_hostname.cpp)."""
    done = box.engine.run("run", "--rm", "--network", "none", "--entrypoint", "ospool-selftest", box.image,
                          check=False, timeout=20)  # fmt: skip
    assert done.returncode == 78
    for problem in ("setting-missing", "network-missing", "token-missing"):
        assert f"REFUSED: {problem}" in done.stdout
