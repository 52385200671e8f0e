import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import GOOD, ids, said
from ospool_ep import environment, settings
from ospool_ep.problem import Exit, exit_code
from ospool_ep.settings import NOT_YET, SERVICE_ONLY, TABLE, Settings


def load(**variables):
    return environment.load(GOOD | variables)


def test_two_names_are_enough_and_the_rest_has_the_documented_defaults():
    chosen, problems = load()
    assert problems == ()
    assert chosen == Settings(site="LAB", resource_name="LAB-EP1")


@pytest.mark.parametrize("row", [row for row in TABLE if row.default], ids=lambda row: row.name)
def test_the_default_in_the_table_is_the_default_of_the_field(row):
    assert row.parse(row.default) == getattr(Settings(), row.field)


def test_an_env_file_with_quotes_blanks_and_carriage_returns():
    chosen, problems = environment.load(
        {
            "GLIDEIN_Site": '"LAB"\r',
            "GLIDEIN_ResourceName": "'LAB-EP1'  ",
            "NUM_CPUS": '"4"\r',
            "ITB": "'Yes' ",
            "GLIDEIN_Start_Extra": '"TARGET.RequestMemory < 10"\r',
            "EXTRA_JOB_ENV": "\"A=1 B='two words'\"\r",
            "CONDOR_HOST": '"a.org, b.org"',
        }
    )
    assert problems == ()
    assert (chosen.site, chosen.resource_name, chosen.num_cpus, chosen.itb) == ("LAB", "LAB-EP1", 4, True)
    assert chosen.start_extra == "TARGET.RequestMemory < 10"
    assert chosen.extra_job_env == "A=1 B='two words'"
    assert chosen.condor_host == ("a.org", "b.org")


def test_both_required_names_are_missed_at_once():
    _, problems = environment.load({})
    assert ids(problems) == ["setting-missing", "setting-missing"]
    assert "GLIDEIN_Site is not set" in said(problems)
    assert '-e GLIDEIN_ResourceName="' in said(problems)
    assert exit_code(problems) == Exit.CONFIGURATION


@pytest.mark.parametrize("nothing", ["", "  ", '""', "''\r"])
def test_set_to_nothing_is_said_as_empty(nothing):
    _, problems = load(GLIDEIN_Site=nothing)
    assert "GLIDEIN_Site is empty" in said(problems)


def test_a_required_name_in_other_letters_is_pointed_out():
    _, problems = environment.load({"GLIDEIN_SITE": "LAB", "GLIDEIN_ResourceName": "R"})
    assert "GLIDEIN_Site is not set (but GLIDEIN_SITE is: names are case-sensitive)" in said(problems)


def test_the_examples_placeholder_is_refused():
    _, problems = load(GLIDEIN_Site="...")
    assert ids(problems) == ["setting-invalid"]
    assert "placeholder" in said(problems)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NUM_CPUS", "abc", "whole number"),
        ("NUM_CPUS", "0", "from 1"),
        ("NUM_CPUS", "-2", "from 1"),
        ("NUM_CPUS", "1.5", "whole number"),
        ("MEMORY", "255", "whole number from 256"),
        ("MEMORY", "4GB", "whole number from 256"),
        ("ITB", "maybe", "neither true"),
        ("POOL", "http://cm", "not a host name"),
        ("CONDOR_HOST", "a b:0", "not a host name"),
        ("GLIDEIN_Site", "A\nSTART = True", "line break at character 2"),
        ("GLIDEIN_Start_Extra", "True\nSTART = True", "line break"),
        ("OSG_SQUID_LOCATION", 'a\\"b', "backslash"),
        ("OSG_PROJECT_NAME", "x\\", "ends in a backslash"),
        ("EXTRA_JOB_ENV", "A=$$$(X)", "$$$"),
        ("GLIDEIN_Country", "Germany", "two letters"),
        ("ACCEPT_JOBS_FOR_HOURS", "0", "from 1"),
        ("OSPOOL_EP_STOP_SECONDS", "1", "whole number"),
        ("SINGULARITY_BIND_EXTRA", "data", "does not begin with /"),
        ("SINGULARITY_BIND_EXTRA", "/run/ospool-ep", "would show every job"),
        ("APPTAINER_REGISTRY_MIRROR", "ftp://m", "not the address of a registry"),
        ("OSG_DEFAULT_CONTAINER_DISTRIBUTION", "htc/rocky:9", "10%__htc/rocky:8"),
        ("OSG_DEFAULT_CONTAINER_DISTRIBUTION_GPU", "0%__a", "gives no image a weight above 0"),
    ],
)
def test_a_bad_value_names_variable_value_reason_and_cure(name, value, words):
    chosen, problems = load(**{name: value})
    assert ids(problems) == ["setting-invalid"]
    assert problems[0].found.startswith(f"{name}=")
    assert words in problems[0].found
    assert name in problems[0].cure
    row = next(row for row in TABLE if row.name == name)
    assert getattr(chosen, row.field) == getattr(Settings(), row.field)


def test_the_batch_systems_word_is_taken_like_any_other():
    given = {"SLURM_CPUS_ON_NODE": "8", "SLURM_JOB_CPUS_PER_NODE": "72(x2),36", "SLURM_STEP_TASKS_PER_NODE": "3(x2),2"}
    chosen, problems = load(**given, SLURM_MEM_PER_NODE="16000", SLURM_MEM_PER_CPU="2000")
    assert problems == ()
    assert (chosen.slurm_cpus_on_node, chosen.slurm_cpus_per_node, chosen.slurm_tasks) == (8, 36, 3)
    assert (chosen.slurm_memory_per_node_mb, chosen.slurm_memory_per_cpu_mb) == (16000, 2000)


@pytest.mark.parametrize(
    ("value", "meant"),
    [("", ""), ("  ", ""), ('""', ""), ("0,1\r", "0,1"), ("-1", "-1"), ("0\n1", "0?1"), ("$(X:$(Y))", "$(X:$(Y))")],
)
def test_which_gpus_are_given_is_never_refused_and_none_is_not_all(value, meant):
    """Slurm says none with an empty variable; what cannot be read gives none either."""
    chosen, problems = load(CUDA_VISIBLE_DEVICES=value, NVIDIA_VISIBLE_DEVICES=value)
    assert (chosen.cuda_visible, chosen.nvidia_visible, problems) == (meant, meant, ())
    assert load()[0].cuda_visible is None


def test_where_the_drivers_libraries_are():
    chosen, problems = load(LD_LIBRARY_PATH="/opt/driver:relative:/b")
    assert (chosen.library_path, problems) == (("/opt/driver", "/b"), ())
    assert chosen.passed_on == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLURM_CPUS_ON_NODE", "0"), ("SLURM_CPUS_ON_NODE", "many"), ("SLURM_JOB_CPUS_PER_NODE", "72(x"),
     ("SLURM_STEP_TASKS_PER_NODE", "two"), ("SLURM_MEM_PER_NODE", "16G"), ("SLURM_MEM_PER_CPU", "-1")],
)  # fmt: skip
def test_what_a_batch_system_says_wrongly_is_a_warning_that_says_what_was_assumed(name, value):
    chosen, problems = load(**{name: value})
    assert chosen == Settings(site="LAB", resource_name="LAB-EP1")
    assert ids(problems) == ["setting-ignored"]
    assert problems[0].warning
    assert problems[0].found.startswith(f"{name}='{value}'")
    assert "assumed: it sets no limit" in problems[0].why
    assert "NUM_CPUS" in problems[0].cure


def test_slurms_zero_of_memory_is_its_way_to_say_all():
    chosen, problems = load(SLURM_MEM_PER_NODE="0")
    assert (chosen.slurm_memory_per_node_mb, problems) == (0, ())


@pytest.mark.parametrize("name", ["SLURM_JOB_ID", "SLURM_MEM_PER_GPU", "SLURM_CPUS_PER_TASK", "SLURM_NODELIST"])
def test_what_else_slurm_sets_is_no_business_of_ours(name):
    assert load(**{name: "1"})[1] == ()


def test_every_bad_value_is_told_in_one_go():
    _, problems = environment.load({"NUM_CPUS": "x", "ITB": "x", "MEMORY": "x", "CCB_RANGE_LOW": "5"})
    assert ids(problems).count("setting-invalid") == 3
    assert {"setting-missing", "setting-ccb-range"} <= set(ids(problems))


def test_a_very_long_value_is_shortened_in_the_message():
    _, problems = load(NUM_CPUS="9" * 5000)
    assert len(problems[0].found) < 250


@pytest.mark.parametrize(("low", "high"), [("5", None), (None, "5"), ("9", "5")])
def test_half_a_range_or_a_reversed_one_is_refused(low, high):
    values = {"CCB_RANGE_LOW": low, "CCB_RANGE_HIGH": high}
    _, problems = load(**{name: value for name, value in values.items() if value})
    assert ids(problems) == ["setting-ccb-range"]
    assert "set both" in problems[0].cure


@pytest.mark.parametrize(("low", "high"), [("5", "5"), ("9000", "10000")])
def test_a_range(low, high):
    chosen, problems = load(CCB_RANGE_LOW=low, CCB_RANGE_HIGH=high)
    assert problems == ()
    assert (chosen.ccb_range_low, chosen.ccb_range_high) == (int(low), int(high))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("GLIDEIN_Start_Extras", "GLIDEIN_Start_Extra"),
        ("GLIDEIN_SITE_NAME", "GLIDEIN_Site"),
        ("glidein_site", "GLIDEIN_Site"),
        ("OSG_PROJECTNAME", "OSG_PROJECT_NAME"),
        ("CVMFS_REPOS", "CVMFSEXEC_REPOS"),
        ("SINGULARITY_BIND_EXTRAS", "SINGULARITY_BIND_EXTRA"),
        ("NUMCPUS", "NUM_CPUS"),
        ("num_cpus", "NUM_CPUS"),
        ("Token", "TOKEN"),
        ("ACCEPT_JOB_FOR_HOURS", "ACCEPT_JOBS_FOR_HOURS"),
    ],
)
def test_a_misspelt_name_gets_a_warning_with_the_nearest_one(name, nearest):
    _, problems = load(**{name: "value-of-it"})
    assert ids(problems) == ["setting-unknown"]
    assert problems[0].warning
    assert name in problems[0].found
    assert "value-of-it" not in said(problems)
    assert problems[0].cure == f"did you mean {nearest}?"


def test_a_name_of_ours_with_nothing_near_is_told_too():
    _, problems = load(GLIDEIN_Frobnication_Of_Everything="1")
    assert ids(problems) == ["setting-unknown"]
    assert "README" in problems[0].cure


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "HOME", "HOSTNAME", "LANG", "container", "CUDA_VERSION", "KUBERNETES_PORT",
        "OSPOOL_EP_SERVICE_HOST", "OSG_PORT_9618_TCP_ADDR", "GLIDEIN_SERVICE_PORT", "OSPOOL_PORT",
        "APPTAINER_NAME", "SINGULARITY_CONTAINER", "APPTAINERENV_X", "APPTAINER_BIND", "http_proxy",
        *SERVICE_ONLY,
    ],
)  # fmt: skip
def test_what_runtimes_add_is_no_business_of_ours(name):
    assert load(**{name: "x"})[1] == ()


@pytest.mark.parametrize("name", [name for name, _ in NOT_YET])
def test_what_is_not_done_yet_is_said_aloud(name):
    _, problems = load(**{name: "x"})
    assert ids(problems) == ["setting-not-yet"]
    assert name in problems[0].found
    assert problems[0].warning


def test_htcondors_own_variables_are_not_passed_on():
    _, problems = load(_CONDOR_START="True")
    assert ids(problems) == ["setting-htcondor"]
    assert "_CONDOR_START" in problems[0].found


def test_only_the_variables_of_the_list_go_on_to_htcondor():
    chosen, _ = load(TZ="Europe/Berlin", https_proxy="http://p:1", TOKEN="secret-text", FOO="bar")
    assert chosen.passed_on == (("TZ", "Europe/Berlin"), ("https_proxy", "http://p:1"))


def test_a_secret_is_neither_in_the_repr_of_settings_nor_in_a_message():
    chosen, problems = load(TOKEN="my-secret-value\n\x00more")
    assert chosen.token
    assert "my-secret-value" not in repr(chosen) + said(problems)


@pytest.mark.parametrize("name", ["CVMFS_HTTP_PROXY", "OSG_SQUID_LOCATION"])
def test_the_password_in_a_proxys_address_is_told_to_nobody(name):
    _, problems = load(**{name: "http://u:hush1@a:1;http://hush2@b:1/x;://hush3@"})
    assert ids(problems) == ["setting-invalid"]
    assert "hush" not in said(problems)
    assert "//[redacted]@a:1" in problems[0].found


def test_wants_traceback_takes_the_words_of_the_table():
    assert settings.wants_traceback({"OSPOOL_EP_TRACEBACK": '"Yes" '})
    assert not settings.wants_traceback({"OSPOOL_EP_TRACEBACK": "nonsense"})
    assert not settings.wants_traceback({})


@given(st.dictionaries(st.sampled_from([row.name for row in TABLE]), st.text(max_size=30)))
def test_no_environment_brings_the_loader_down(environ):
    chosen, problems = environment.load(environ)
    assert isinstance(chosen, Settings)
    assert all(problem.found and problem.why and problem.cure for problem in problems)


def test_the_rows_of_the_table_and_the_fields_of_settings_are_the_same():
    fields = set(Settings.__dataclass_fields__) - {"passed_on", "refused"}
    assert {row.field for row in TABLE} == fields
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert all(row.help for row in TABLE)
    assert [row.name for row in TABLE if row.secret] == ["TOKEN"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("NUM_CPU", "NUM_CPUS"), ("NUMCPUS", "NUM_CPUS"), ("MEM", "MEMORY"), ("TOKEN_FILE", "TOKEN"), ("Tokne", "TOKEN"),
     ("OSG_SQUID", "OSG_SQUID_LOCATION"), ("CONDORHOST", "CONDOR_HOST")],
)  # fmt: skip
def test_a_near_miss_without_our_prefix_is_told_as_well(name, meant):
    _, problems = load(**{name: "1"})
    assert [problem.cure for problem in problems] == [f"did you mean {meant}?"]


@pytest.mark.parametrize(
    "name",
    ["HOME", "PATH", "HOSTNAME", "TERM", "LANG", "PWD", "SHLVL", "container", "HTTP_PROXY", "USER", "LIBRARY_PATH",
     "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
     "GPU_DEVICE_ORDINAL", "CUDA_DEVICE_ORDER", "CUDA_VERSION", "ZE_AFFINITY_MASK", "SLURM_JOB_GPUS"],
)  # fmt: skip
def test_what_every_container_has_is_not_mentioned(name):
    assert load(**{name: "1"})[1] == ()


@pytest.mark.parametrize(
    ("text", "proxy"),
    [("squid.lab:3128", "http://squid.lab:3128"), ("http://squid.lab:3128/", "http://squid.lab:3128"),
     ("http://192.0.2.1", "http://192.0.2.1"), ("https://[::1]:3128", "https://[::1]:3128")],
)  # fmt: skip
def test_a_proxy_with_or_without_its_scheme(text, proxy):
    chosen, problems = load(OSG_SQUID_LOCATION=text)
    assert (chosen.squid, problems) == (proxy, ())


@pytest.mark.parametrize("text", ["...", "ftp://squid:21", "a b", "http://", "squid:99999", "http://squid/path"])
def test_what_is_no_proxy_is_refused(text):
    assert ids(load(OSG_SQUID_LOCATION=text)[1]) == ["setting-invalid"]


def test_the_dots_of_the_documentation_are_no_project():
    assert ids(load(OSG_PROJECT_NAME="...")[1]) == ["setting-invalid"]


def test_a_variable_that_is_passed_on_is_not_when_it_holds_a_secret():
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"
    assert settings.passed_on({"no_proxy": token, "TZ": "UTC"}) == (("TZ", "UTC"),)
    assert settings.passed_on({"no_proxy": "secretword", "TOKEN": "secretword"}) == ()


def test_the_environment_is_taken_away_before_htcondors_library_can_read_it():
    environ = {"CONDOR_CONFIG": "/nowhere", "_CONDOR_START": "False", "TOKEN": "x", "TZ": "UTC"}
    taken = settings.take(environ)
    assert taken["_CONDOR_START"] == "False"
    assert environ == {"TZ": "UTC", "CONDOR_CONFIG": "ONLY_ENV"}
