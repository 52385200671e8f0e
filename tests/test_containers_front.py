"""What HTCondor's call becomes: environment, home, binds, mirror."""

import dataclasses
import re
import time

import pytest

from fakes import SETUP, STATE
from ospool_ep.containers import call, front
from ospool_ep.containers.failures import CONTAINERS, IMAGE
from ospool_ep.containers.record import Record
from ospool_ep.machine import PLAIN_ENVIRONMENT

HOME = "/pilot/ep-1"
WORK = f"{HOME}/execute/dir_7"
FOUND = Record(front.record.Path(f"{HOME}/apptainer"))


def job(image="docker://alpine", action="exec", more=""):
    words = f"-s {action} -S /tmp -W {WORK} --pwd /srv -B {WORK}:/srv --home {WORK} -C {more} {image} cmd"
    return call.parse(tuple(words.split()))


def environment(environ, setup=SETUP, image="docker://alpine"):
    return front.environment(environ, setup, FOUND, job(image))


def test_nothing_of_the_jobs_environment_reaches_apptainer_itself():
    evil = {
        "LD_PRELOAD": "/srv/evil.so", "PATH": "/srv/evil", "HOME": "/srv", "APPTAINER_BIND": "/run:/x", "TOKEN": "x",
        "APPTAINER_CACHEDIR": "/etc", "SINGULARITY_CACHEDIR": "/etc", "APPTAINER_NOHTTPS": "1", "http_proxy": "http://x",
        "APPTAINER_CONFIG_FILE": "/srv/x", "SSL_CERT_FILE": "/srv/x", "LANG": "x", "GODEBUG": "x", "PYTHONPATH": "/srv",
        "xAPPTAINERENV_A": "x", "APPTAINER": "x", "_CONDOR_X": "x", "APPTAINER_TMPDIR": "/etc", "A\nB": "c",
    }  # fmt: skip
    assert environment(evil) == environment({})
    assert set(environment({})) == set(PLAIN_ENVIRONMENT) | {
        "HOME", "APPTAINER_CONFIGDIR", "APPTAINER_CACHEDIR", "APPTAINER_TMPDIR",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["APPTAINERENV_LD_PRELOAD", "SINGULARITYENV_PATH", "APPTAINER_DOCKER_USERNAME", "SINGULARITY_DOCKER_PASSWORD"],
)
def test_what_is_for_the_inside_and_a_users_own_key_go_on(name):
    assert environment({name: "value"})[name] == "value"


def test_the_places_are_the_pilots_and_the_jobs_own():
    said = environment({})
    assert said["APPTAINER_CACHEDIR"] == f"{HOME}/apptainer/cache"
    assert said["APPTAINER_TMPDIR"] == WORK
    assert said["HOME"].startswith(f"{HOME}/apptainer")
    assert said["APPTAINER_CONFIGDIR"].startswith(f"{HOME}/apptainer")
    assert said["PATH"] == PLAIN_ENVIRONMENT["PATH"]


def test_the_sites_proxy_and_certificates_are_used_for_pulls():
    setup = dataclasses.replace(SETUP, environment={"https_proxy": "http://p:1", "SSL_CERT_FILE": "/ca.pem"})
    said = environment({"https_proxy": "http://evil"}, setup)
    assert (said["https_proxy"], said["SSL_CERT_FILE"]) == ("http://p:1", "/ca.pem")


@pytest.mark.parametrize(
    ("mirror", "plain", "image", "http"),
    [
        ("m:5000", True, "docker://m:5000/library/alpine", True),
        ("m:5000", False, "docker://m:5000/library/alpine", False),
        ("m:5000", True, "docker://m:5000.evil.org/x", False),
        ("m:5000", True, "docker://m:50001/x", False),
        ("m:5000", True, "docker://quay.io/x", False),
        ("m/path", True, "docker://m/path/library/x", True),
        ("", False, "docker://alpine", False),
    ],
)
def test_only_the_mirror_is_spoken_to_without_tls(mirror, plain, image, http):
    setup = dataclasses.replace(SETUP, mirror=mirror, plain_http=plain)
    assert ("APPTAINER_NOHTTPS" in environment({}, setup, image)) is http


def test_a_job_gets_its_home_the_binds_and_the_mirror():
    setup = dataclasses.replace(SETUP, mirror="m:5000")
    words = front.prepared(job(), setup, ("/cvmfs", "/a:/b:ro")).words
    assert words == (
        "-s", "exec", "-S", "/tmp", "-W", WORK, "--pwd", "/srv", "-B", f"{WORK}:/srv", "--home", f"{WORK}:/srv", "-C",
        "-B", "/cvmfs", "-B", "/a:/b:ro", "docker://m:5000/library/alpine", "cmd",
    )  # fmt: skip


def test_without_settings_only_the_home_changes():
    before, after = job("/image"), front.prepared(job("/image"), SETUP, ())
    assert dataclasses.replace(after, options=before.options) == before
    assert after.value("--home") == f"{WORK}:/srv"


LIBRARIES = dataclasses.replace(SETUP, gpu_libraries=("/a/libcuda.so.1", "/b/libnvidia-ml.so.1"))


@pytest.mark.parametrize(("setup", "more", "bound"), [
    (LIBRARIES, "--nv", "/a/libcuda.so.1,/b/libnvidia-ml.so.1"), (LIBRARIES, "", None), (LIBRARIES, "--rocm", None),
    (SETUP, "--nv", None),
])  # fmt: skip
def test_a_job_with_a_gpu_gets_the_drivers_libraries_and_no_other(setup, more, bound):
    evil = {"APPTAINER_CONTAINLIBS": "/srv/evil.so", "SINGULARITY_CONTAINLIBS": "/srv/evil.so"}
    said = front.environment(evil, setup, FOUND, job(more=more))
    assert said.get("APPTAINER_CONTAINLIBS") == bound
    assert "SINGULARITY_CONTAINLIBS" not in said


@pytest.mark.parametrize("prefix", ["APPTAINERENV", "SINGULARITYENV"])
def test_the_library_path_of_directly_running_jobs_stays_outside(prefix):
    """It would replace the image's own, and Apptainer brings the driver's by itself."""
    setup = dataclasses.replace(SETUP, library_path="/run/x/lib")
    name = f"{prefix}_LD_LIBRARY_PATH"
    assert name not in environment({name: "/run/x/lib"}, setup)
    for own in ("/run/x/lib:/opt/mine", "/opt/mine", ""):
        assert environment({name: own}, setup)[name] == own
        assert environment({name: own}, SETUP)[name] == own


@pytest.fixture
def pilot(tmp_path):
    """A pilot's home with a job's directory; nothing on this machine runs containers."""
    home = tmp_path / "ep-1"
    (home / "execute/dir_7").mkdir(parents=True)
    made = Record(home / "apptainer")
    made.create(SETUP, STATE)
    return made


def called(found, image, action="test", more=""):
    """How the front ends, which it does before anything is started here."""
    work = found.path.parent / "execute/dir_7"
    words = f"-s {action} -S /tmp -W {work} --pwd /srv -B {work}:/srv {more} --home {work} -C {image}".split()
    with pytest.raises(SystemExit) as ended:
        front.main((*words, *(["cmd"] if action == "exec" else [])), {})
    return str(ended.value)


def kinds(found):
    return [failure.what for failure in found.failures(int(time.time()))]


@pytest.mark.parametrize("action", ["test", "exec"])
@pytest.mark.parametrize(
    ("image", "more"), [("/etc", ""), ("instance://x", ""), ("/i", "-B /run/ospool-ep"), ("/i", "-B /")]
)
def test_what_would_show_the_pilots_files_is_refused_and_remembered(pilot, action, image, more):
    assert re.match(
        " no container is started: .*(holds the pilot's own files|Apptainer's)", called(pilot, image, action, more)
    )
    assert kinds(pilot) == [IMAGE]


def test_where_nothing_starts_the_first_line_says_so(pilot):
    assert called(pilot, "/i").startswith(" this machine can no longer run containers: ")
    assert kinds(pilot) == [CONTAINERS]


def test_where_nobody_else_pulls_an_image_is_pulled_at_once(pilot):
    nowhere = job("docker://127.0.0.1:1/a", "test")
    assert "other images" not in front.started(nowhere, dict(PLAIN_ENVIRONMENT), pilot, SETUP).stderr


@pytest.mark.parametrize("action", ["test", "exec"])
def test_without_the_pilots_record_nothing_is_started(pilot, action):
    (pilot.path / "setup.json").unlink()
    assert called(pilot, "/i", action).startswith(" no container is started: ")


@pytest.mark.parametrize(
    "words", [(), ("--version",), ("exec", "/i", "sh"), ("exec", "-W", "/x/y/z", "--writable", "/i")]
)
def test_another_call_than_htcondors_is_refused(words):
    with pytest.raises(SystemExit) as ended:
        front.main(words, {})
    assert str(ended.value).startswith(" no container is started: ")


def test_the_proxies_of_a_pull_stay_outside():
    """Apptainer's --cleanenv lets proxies through, and ours may have passwords."""
    setup = dataclasses.replace(
        SETUP, environment={"https_proxy": "http://u:p@x", "NO_PROXY": "y", "SSL_CERT_FILE": "/c"}
    )
    own = environment({"APPTAINERENV_NO_PROXY": "the job's"}, setup)
    assert (own["https_proxy"], own["APPTAINERENV_https_proxy"]) == ("http://u:p@x", "")
    assert own["APPTAINERENV_NO_PROXY"] == "the job's"
    assert "APPTAINERENV_SSL_CERT_FILE" not in own
