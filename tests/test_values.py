import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep import values


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ('"LAB"', "LAB"),
        ("'LAB'", "LAB"),
        ("LAB  \r", "LAB"),
        ('"LAB " \r\n', "LAB"),
        ("  \"A 'b' C\"", "A 'b' C"),
        ('"a" == "b"', '"a" == "b"'),
        ('"', '"'),
        ('""', ""),
        ("'\"x\"'", '"x"'),
        ("\"x'", "\"x'"),
    ],
)
def test_what_env_files_leave_around_a_value_goes(raw, clean):
    assert values.tolerate(raw, "\"'") == clean


def test_single_quotes_belong_to_a_job_environment():
    assert values.tolerate("'A'", '"') == "'A'"


@given(st.text())
def test_tolerating_twice_changes_nothing_but_quotes_within_quotes(raw):
    once = values.tolerate(raw, "")
    assert values.tolerate(once, "") == once
    assert once == raw.strip()


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("a\nb", "line break at character 2"),
        ("a\rb", "line break"),
        ("ab\x00", r"'\x00'"),
        ("a\tb", r"'\t'"),
        ("a\x85b", "control"),
        ("a\u2028b", "control"),
        ("a$$$(X)", "$$$"),
        ("a $(DOLLAR)", "$(DOLLAR)"),
        ("a $ENV(HOME", "$( without )"),
        ("$(LOG:$ENV(HOME))", "one $(...) inside another"),
        ("a\udcffb", "UTF-8"),
    ],
)
def test_text_that_no_configuration_line_can_carry_is_refused(bad, word):
    with pytest.raises(ValueError) as refused:
        values.text(bad)
    assert word in str(refused.value)


@pytest.mark.parametrize("good", ["$(X)", "$ENV(TOKEN)", "a\\b", "@=x", "# no", "größe ✓", '"', "$$(x)", ""])
def test_text_that_only_looks_dangerous_is_kept(good):
    assert values.text(good) == good


def test_a_backslash_before_a_quote_has_no_classad_spelling():
    assert values.string("a\\b\"c'") == "a\\b\"c'"
    with pytest.raises(ValueError, match="backslash followed by a double quote"):
        values.string('a\\"b')


def test_a_backslash_at_the_end_would_hide_the_quote_behind_it():
    assert values.string("C:\\dir") == "C:\\dir"
    with pytest.raises(ValueError, match="ends in a backslash"):
        values.string("C:\\")


@pytest.mark.parametrize("placeholder", ["...", "-", '"', "<>", "_"])
def test_a_placeholder_is_no_registered_name(placeholder):
    with pytest.raises(ValueError, match="placeholder"):
        values.registered(placeholder)


def test_a_registered_name_may_be_any_text():
    assert values.registered("Universität X (EP 1)") == "Universität X (EP 1)"


@pytest.mark.parametrize("word", ["y", "yes", "t", "true", "1", "on"])
def test_true_words(word):
    assert values.truth(word) is True
    assert values.truth(word.upper()) is True
    assert values.truth(word.title()) is True


@pytest.mark.parametrize("word", ["n", "no", "f", "false", "0", "off"])
def test_false_words(word):
    assert values.truth(word) is False
    assert values.truth(word.upper()) is False


@pytest.mark.parametrize("word", ["ja", "2", "truee", "nope", "-1", "enabled"])
def test_every_other_word_is_an_error_that_lists_the_words(word):
    with pytest.raises(ValueError, match="neither true") as refused:
        values.truth(word)
    assert "yes" in str(refused.value)
    assert "off" in str(refused.value)


def test_whole_numbers_within_bounds():
    parse = values.whole(3, 10)
    assert [parse("3"), parse("10"), parse("007")] == [3, 10, 7]


@pytest.mark.parametrize("bad", ["2", "11", "-4", "4.0", "4 ", "1e1", "0x4", "", "vier", "٤", "9" * 40, "+4", "4_0"])
def test_everything_else_names_the_bounds(bad):
    with pytest.raises(ValueError, match="from 3 to 10"):
        values.whole(3, 10)(bad)


@pytest.mark.parametrize(
    "good",
    ["cm.example.org", "cm:9618", "10.0.0.1:1", "[::1]", "[fe80::1]:65535", "cm:9618?sock=collector3", "prod-ospool"],
)
def test_hosts_with_an_optional_port(good):
    assert values.host(good) == good


@pytest.mark.parametrize(
    "bad",
    ["-cm", "cm:", "cm:0", "cm:65536", "cm:123456", "cm:x", "http://cm", "a b", "cm/x", "cm?x=1", "$(X)", "::1", "é",
     "cm\n", "a" * 254, "cm:٩٦١٨", "cm:9618?sock=", ""],
)  # fmt: skip
def test_what_is_no_host_is_refused_with_an_example(bad):
    with pytest.raises(ValueError, match=r"cm\.example\.org:9618"):
        values.host(bad)


def test_several_hosts():
    assert values.hosts("a.org, b.org:1 ,c") == ("a.org", "b.org:1", "c")
    with pytest.raises(ValueError, match="'b:x' is not a host"):
        values.hosts("a b:x")


@pytest.mark.parametrize(
    ("text", "found"),
    [("/a:/b", ("/a", "/b")), ("/a::b:../c:$ORIGIN/x:/d", ("/a", "/d")), ("", ()), (":", ()), ("/a\n:/b", ("/b",)),
     ("/a b:/a,b:/$(X)", ("/a b", "/a,b", "/$(X)")), ("/a/libx.so", ("/a/libx.so",))],
)  # fmt: skip
def test_of_what_the_loader_takes_only_absolute_directories_count(text, found):
    """Other programs set it: nothing of it is refused."""
    assert values.directories(text) == found


@pytest.mark.parametrize(("text", "shown"), [("0,1", "0,1"), ("0\n1\x00", "0?1?"), ("x\\", "x\\"), ("", "")])
def test_what_another_program_has_set_is_fit_to_be_shown(text, shown):
    assert values.printable(text) == shown


def test_country():
    assert values.country("de") == "DE"
    for bad in ("D", "DEU", "1A", "Ü1"):
        with pytest.raises(ValueError, match="two letters"):
            values.country(bad)


@pytest.mark.parametrize(
    ("text", "smallest", "largest"),
    [("4", 4, 4), ("72(x2),36", 36, 72), ("36,72(x2)", 36, 72), ("8(x100)", 8, 8), ("1,2,3", 1, 3),
     ("128(x2),64(x3),96", 64, 128)],
)  # fmt: skip
def test_slurms_short_form_of_a_number_for_each_node(text, smallest, largest):
    assert values.per_node(min)(text) == smallest
    assert values.per_node(max)(text) == largest


@pytest.mark.parametrize("bad", ["", "x", "72(x2", "72x2", "72(2)", "-4", "4,", ",4", "4 ", "4(x2)(x3)", "٤", "4;4"])
def test_what_slurm_does_not_write_is_an_error(bad):
    with pytest.raises(ValueError, match="as Slurm writes it"):
        values.per_node(min)(bad)


def test_no_node_of_slurms_is_without_cpus():
    with pytest.raises(ValueError, match="not a list of numbers"):
        values.per_node(min)("0,4")
