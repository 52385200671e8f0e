import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import EXTRA, ids, jwt, machine, put, said
from ospool_ep import extra_attributes
from ospool_ep.problem import Exit, exit_code


def parse(text):
    good, problems = extra_attributes.parse(text)
    return {attribute.name: attribute.text for attribute in good}, problems


def test_good_lines_arrive_exactly_as_written():
    text = (
        '# our rack\n\nRack = "B 12 # not a comment"\nHasMatlab=True\n  Cost  =  2 * 3.5 \n'
        'Quote = "say \\"hi\\""\nPath = "C:\\temp"\n'
        'Umlaut = "größe"\nMacro = "$(LOG) $ENV(HOME)"\nExpr = Rack == "x=y"\n'
    )
    good, problems = parse(text)
    assert problems == ()
    assert good == {
        "Rack": '"B 12 # not a comment"',
        "HasMatlab": "True",
        "Cost": "2 * 3.5",
        "Quote": '"say \\"hi\\""',
        "Path": '"C:\\temp"',
        "Umlaut": '"größe"',
        "Macro": '"$(LOG) $ENV(HOME)"',
        "Expr": 'Rack == "x=y"',
    }


def test_byte_order_mark_and_windows_line_ends():
    assert parse("\ufeffRack = 1\r\n# c\r\nRow = 2\r\n") == ({"Rack": "1", "Row": "2"}, ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("just words", "has no ="),
        ("Rack =", "empty expression"),
        ("= 5", "is not an attribute name"),
        ("My Rack = 5", "'My Rack' is not an attribute name"),
        ("1abc = 5", "'1abc' is not an attribute name"),
        ("rack-row = 5", "'rack-row' is not an attribute name"),
        ("Größe = 5", "is not an attribute name"),
        ("A.B = 5", "is not an attribute name"),
        ("Rack = B 12", 'text needs double quotes: "..."'),
        ("Rack = room/12", "Rack"),
        ('Rack = "B', "a double quote is missing"),
        ("Rack = True) || (True", "(column 5)"),
        ("Rack = 1 ]", "does not accept ']' here (column 3)"),
        ('Rack = "a" // c', "does not accept '// c' here"),
        ('Rack = "a" # c', "does not accept '# c' here"),
        ("Rack = 1; START = True", "does not accept '; START = True' here"),
        ('Rack = "first \\', "a double quote is missing"),
        ('Rack = "$$$(LOG)"', "$$$"),
        ("Rack = 1\x0cB = 2", "control character"),
        ("NUM_CPUS = 99", "a name that the pilot or HTCondor uses itself"),
        ("memory = 5", "a name that the pilot or HTCondor uses itself"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_reason(line, reason):
    good, problems = parse(f"# header\nColor = 3\n{line}\nShape = 4\n")
    if line.startswith("Rack = room"):
        assert good["Rack"] == "room/12"  # a division: HTCondor's parser has no objection
        return
    assert good == {"Color": "3", "Shape": "4"}
    assert ids(problems) == ["extra-attributes-line"]
    assert f"{EXTRA} line 3: " in problems[0].found
    assert reason in problems[0].found
    assert "correct line 3" in problems[0].cure
    assert exit_code(problems) == Exit.CONFIGURATION


@pytest.mark.parametrize(
    "name",
    [
        "START", "start", "Rank", "HAS_SINGULARITY", "SINGULARITY_PATH", "GLIDEIN_Site", "GLIDEIN_New", "OSG_ANYTHING",
        "OSPool", "STARTD_ATTRS", "STARTER_JOB_ENVIRONMENT", "MASTER_NAME", "SLOT_TYPE_1", "SLOT1_START", "NUM_SLOTS",
        "SEC_DEFAULT_ENCRYPTION", "ALLOW_WRITE", "DAEMON_LIST", "STARTD_LOG", "SCHEDD_DEBUG", "GPUs", "ACCEPT_MORE",
        "IsBlackHole", "Is_ITB_Site", "IsITB_Site", "RoomForCPUOnlyJobs", "PORT_80", "HAS_avx512f", "http_proxy",
        "CONTAINERSW_X", "HAS_CVMFS_oasis_opensciencegrid_org", "CONDOR_HOST", "FILETRANSFER_PLUGINS",
        "use", "if", "IF", "elif", "else", "endif", "include", "error", "warning",
    ],
)  # fmt: skip
def test_names_of_the_pilot_of_htcondor_and_of_its_language_are_refused(name):
    good, problems = parse(f"{name} = 1")
    assert good == {}
    assert f"{name} is a name that the pilot or HTCondor uses itself" in said(problems)


@pytest.mark.parametrize(
    "name", ["Startle", "MyStart", "Has_Singularity_Docs", "Rank2", "Graphics_Rack", "iffy", "_x", "Uses"]
)
def test_names_that_only_resemble_them_are_fine(name):
    assert parse(f"{name} = 1") == ({name: "1"}, ())


def test_a_name_twice_in_any_case():
    good, problems = parse("Rack = 1\nRACK = 2")
    assert good == {"Rack": "1"}
    assert "line 2: RACK is already set further up" in said(problems)


def test_a_value_over_several_lines_is_refused_at_the_line_that_has_no_equals_sign():
    _, problems = parse('Rack = \\\n"B 12"')
    assert [problem.found.split(":")[0][-6:] for problem in problems] == ["line 1", "line 2"]
    assert "cannot go on over several lines" in said(problems)


def test_all_bad_lines_are_told_at_once():
    _, problems = parse("a b = 1\nC\nRack = 1\nSTART = True\nD = (")
    assert [problem.found.split(" line ")[1].split(":")[0] for problem in problems] == ["1", "2", "4", "5"]


def test_a_form_feed_or_line_separator_inside_a_value_is_no_new_line():
    good, problems = parse('Rack = "a\u2028START = True"')
    assert good == {"Rack": '"a\u2028START = True"'}
    assert problems == ()


@pytest.mark.parametrize("line", ["Rack = {}", 'Rack = "{}"', "{}", "{} = 1", "Rack = 1 {}"])
def test_a_token_in_the_file_is_not_repeated(line):
    good, problems = parse(line.format(jwt()))
    assert good == {}
    assert "token" in said(problems)
    for piece in jwt().split("."):
        assert piece not in said(problems)


@given(st.text())
def test_no_file_brings_the_parser_down_and_no_value_spans_lines(text):
    good, _ = parse(text)
    assert not any("\n" in value or "\r" in value for value in good.values())


# --- the file itself


def test_no_file_no_attributes(tmp_path):
    assert extra_attributes.read(machine(tmp_path)) == ((), ())


def test_a_file_is_checked_against_htcondors_own_names(tmp_path):
    put(tmp_path, EXTRA, "Rack = 1\nEvent_Log_Max_Rotations = 1\nRequestMemory = 5\n")
    good, problems = extra_attributes.read(machine(tmp_path))
    assert [attribute.name for attribute in good] == ["Rack"]
    assert len(problems) == 2  # a knob, and a job attribute


@pytest.mark.parametrize(
    "name",
    ["WANT_HOLD", "MEMORY_EXCEEDED", "DOLLAR", "USE_DEFAULT_CONTAINER", "CGROUP_ALL_DEVICES", "FOO_HOOK_PREPARE_JOB",
     "My_PLUGIN", "target", "Undefined", "True", "HIBERNATE", "RESERVED_DISK"],
)  # fmt: skip
def test_what_would_turn_a_knob_or_a_word_of_the_language_is_refused(name):
    good, problems = parse(f"{name} = 1")
    assert good == {}
    assert "uses itself" in problems[0].found


def test_a_file_full_of_mistakes_does_not_fill_the_screen():
    _, problems = parse("no attribute\n" * 1000)
    assert len(problems) == 21
    assert "980 more bad lines" in problems[-1].found


def test_a_directory_in_place_of_the_file(tmp_path):
    (tmp_path / EXTRA[1:]).mkdir(parents=True)
    _, problems = extra_attributes.read(machine(tmp_path))
    assert ids(problems) == ["extra-attributes-directory"]
    assert "does not exist" in problems[0].found
    assert exit_code(problems) == Exit.CONFIGURATION


def test_a_file_that_may_not_be_read(nobodys):
    put(nobodys, EXTRA, "Rack = 1\n").chmod(0)
    _, problems = extra_attributes.read(machine(nobodys, uid=12345))
    assert ids(problems) == ["extra-attributes-unreadable"]
    assert "uid 12345" in problems[0].cure
    assert exit_code(problems) == Exit.PERMISSION


def test_a_file_that_is_not_utf8(tmp_path):
    put(tmp_path, EXTRA, 'Rack = "größe"\n'.encode("latin-1"))
    _, problems = extra_attributes.read(machine(tmp_path))
    assert ids(problems) == ["extra-attributes-encoding"]
