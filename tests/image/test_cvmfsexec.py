"""A stand-in for cvmfsexec and the CernVM-FS client mounts CVMFS: what jobs, the ad and a person there see."""

import cvmfs_standin
import payload
import pytest
import runs
from cvmfs_standin import CONFIG, MASKED, OASIS, OPEN, ROCKY, SINGULARITY
from payload import TINY, ended, environment, image, send

from poolbox import pilot

WEIGHTS = {"OSG_DEFAULT_CONTAINER_DISTRIBUTION": f"0%__{TINY} 100%__htc/rocky:9"}
ONLY_OASIS = {"CVMFSEXEC_REPOS": OASIS}
READS = f"#!/bin/sh\nenv\ncat /cvmfs/{OASIS}/osg/hello\nls /cvmfs | sort | tr '\\n' ' '\n"
LOCAL = """\
# the site's
CVMFS_MAX_RETRIES=7
CVMFS_HTTP_PROXY="http://127.0.0.1:9"
CVMFS_QUOTA_LIMIT=1234
"""
MERGED = {"CVMFS_HTTP_PROXY": "DIRECT", "CVMFS_QUOTA_LIMIT": "1234", "CVMFS_MAX_RETRIES": "7"}
TMPFS = [word for path in ("/tmp", "/run", "/var/tmp") for word in ("--tmpfs", f"{path}:exec,mode=1777")]
READ_ONLY = ("--read-only", *TMPFS, "--tmpfs", "/cvmfs-cache:mode=1777,uid=1000", "--tmpfs", "/cvmfs-logs:mode=1777")
WRITTEN = "find /run/ospool-ep/ep-*/try-* -xdev -type f -exec cat {} +"
ENVIRONS = """\
import os, pathlib
for one in pathlib.Path("/proc").glob("[0-9]*"):
    if one.name != str(os.getpid()):
        try:
            print((one / "environ").read_text(errors="replace").replace("\\0", "\\n"))
        except OSError:
            print("closed")
"""


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    mounts = cvmfs_standin.mounts(box)
    pilots = {
        "mounted": ({**cvmfs_standin.UNTIDY, **WEIGHTS}, (*OPEN, *mounts)),
        "masked": (ONLY_OASIS, (*MASKED, *mounts)),
        "read-only-root": (ONLY_OASIS, (*OPEN, *mounts, *READ_ONLY)),
        "local": (ONLY_OASIS | {"CVMFS_HTTP_PROXY": "DIRECT"}, (*OPEN, *cvmfs_standin.mounts(box, LOCAL))),
    }
    with cvmfs_standin.together(box, pool, token_file, pilots) as booted:
        yield booted


def namespaces(box, container):
    """Whether cvmfsexec has made a PID namespace."""
    there = box.inside(container, "readlink", "/proc/self/ns/pid", user="osg")
    return there != cvmfs_standin.inside(box, container, "readlink", "/proc/self/ns/pid")


@pytest.mark.parametrize("site", ["masked", "read-only-root", "local"])
def test_with_a_standin_for_cvmfsexec_a_plain_job_and_a_container_job_read_files(pool, sites, site):
    direct, contained = send(pool, site, script=READS), send(pool, site, image(TINY), script=READS)
    for job, container in ((direct, None), (contained, TINY)):
        result = ended(pool, job)
        assert "hello from oasis" in result.stdout, result
        assert result.stdout.endswith(f"{CONFIG} {OASIS} "), result
        assert environment(result.stdout).get("APPTAINER_CONTAINER") == container


def test_with_a_standin_for_cvmfsexec_the_default_image_comes_from_cvmfs(pool, sites):
    ad = sites["mounted"].ad
    assert ROCKY in ad["OSG_DEFAULT_SINGULARITY_IMAGE"]
    assert (ad["OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE"], ad["SINGULARITY_CAN_USE_CVMFS"]) == ('"CVMFS"', "true")
    result = ended(pool, send(pool, "mounted", script=READS))
    assert environment(result.stdout)["APPTAINER_CONTAINER"] == ROCKY
    assert result.stdout.endswith(f"{CONFIG} {OASIS} {SINGULARITY} "), result
    named = ended(pool, send(pool, "mounted", image(ROCKY), script=READS))
    assert "hello from oasis" in named.stdout, named


def test_with_a_standin_for_the_client_the_ad_tells_of_the_repositories(sites):
    ad = sites["mounted"].ad
    assert ad["CVMFS_SOURCE"] == '"cvmfsexec"'
    assert (ad["CVMFS_LOST"], ad["CVMFS_STUCK_PROBES"], ad["CVMFS_COMMENT"]) == ("false", "0", '""')
    for repository, revision in cvmfs_standin.REVISION.items():
        name = cvmfs_standin.attribute(repository)
        assert cvmfs_standin.has(ad, repository) == "true"
        numbers = [ad[f"CVMFS_{name}_{what}"] for what in ("REVISION", "NIOERR", "LAST_IOERR")]
        assert numbers == [revision, "0", "-1"]
    assert cvmfs_standin.has(ad, "atlas.cern.ch") == "false"
    assert cvmfs_standin.has(sites["masked"].ad, SINGULARITY) == "false"


def test_with_a_standin_for_cvmfsexec_both_of_its_modes_were_tested(box, sites):
    assert namespaces(box, sites["mounted"].container)
    assert not namespaces(box, sites["masked"].container)


@pytest.mark.parametrize("site", ["mounted", "masked"])
def test_with_a_standin_for_cvmfsexec_little_stays_outside(box, sites, site):
    found = cvmfs_standin.outside(box, sites[site].container)
    total = sum(mb for _, mb in found)
    print(f"outside of the namespaces ({site}): {total:.1f} MB: {found}")
    assert "init" in [name for name, _ in found]
    assert total <= 10


@pytest.mark.parametrize("site", ["mounted", "masked", "read-only-root"])
def test_with_a_standin_for_cvmfsexec_docker_exec_can_see_cvmfs(box, sites, site):
    container = sites[site].container
    assert cvmfs_standin.inside(box, container, "cat", f"/cvmfs/{OASIS}/README") == "from oasis\n"
    assert OASIS not in box.inside(container, "ls", "/cvmfs", user="osg")
    said = box.engine.run("exec", "-i", container, "ospool-cvmfs", "sh", "-c", "cat; exit 7", check=False, input="in\n")
    assert (said.returncode, said.stdout) == (7, "in\n")


@pytest.mark.parametrize("site", ["mounted", "masked"])
def test_with_a_standin_for_cvmfsexec_selftest_sees_the_pilot_and_what_it_has_mounted(box, pool, sites, site):
    said = box.engine.run("exec", sites[site].container, "ospool-selftest", check=False).stdout
    assert "mounted with cvmfsexec" in said
    assert OASIS in said
    assert f"ok      registered {pool.host} (its ad is " in said
    assert "ok      accepting  new jobs for 13 days 23 h" in said


def test_with_a_standin_for_cvmfsexec_orphans_leave_no_zombies(box, pool, sites):
    for site in ("mounted", "masked"):
        orphans = "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do (sleep 0.5 &); done\nexit 0\n"
        assert ended(pool, send(pool, site, script=orphans)).exit_code == 0
        payload.wait_until(lambda name=sites[site].container: not zombies(box, name))


def zombies(box, container):
    """Those that nobody has reaped; one that has just ended may be among them."""
    states = box.inside(container, "ps", "-e", "-o", "stat=,args=").splitlines()
    return [line for line in states if line.startswith("Z")]


def test_with_a_standin_for_the_client_what_the_environment_says_wins_over_default_local(box, sites):
    container = sites["local"].container
    for repository in (CONFIG, OASIS):
        for name, value in {
            "CVMFS_HTTP_PROXY": "DIRECT",
            "CVMFS_QUOTA_LIMIT": "1234",
            "CVMFS_MAX_RETRIES": "7",
        }.items():
            assert cvmfs_standin.read_by_standin(box, container, repository, name) == value
    assert cvmfs_standin.read_by_standin(box, container, OASIS, "CVMFS_STANDIN_CONFIG_REPOSITORY") == "read"


def test_with_a_standin_for_the_client_a_proxy_in_the_pool_serves(box, pool, boot):
    with cvmfs_standin.proxy(box, "squid", pool.name) as url:
        env = {**ONLY_OASIS, "OSG_SQUID_LOCATION": url, "CVMFS_QUOTA_LIMIT": "900"}
        booted = boot("squid", env=env, options=cvmfs_standin.mounts(box))
        said = {
            name: cvmfs_standin.read_by_standin(box, booted.container, OASIS, name)
            for name in ("CVMFS_HTTP_PROXY", "CVMFS_QUOTA_LIMIT")
        }
        assert said == {"CVMFS_HTTP_PROXY": url, "CVMFS_QUOTA_LIMIT": "900"}
        assert cvmfs_standin.has(booted.ad, OASIS) == "true"


def test_with_a_standin_for_cvmfsexec_under_a_uid_that_nobody_knows_and_a_token_in_a_variable(box, token, boot, pool):
    """What a process of the container has in its environment every job of the same uid can read."""
    booted = boot(
        "uid4321", token=None, scratch=box.scratch(4321), user=("--user", "4321"),
        env={**ONLY_OASIS, "TOKEN": token}, options=cvmfs_standin.mounts(box),
    )  # fmt: skip
    assert cvmfs_standin.has(booted.ad, OASIS) == "true"
    result = ended(pool, send(pool, "uid4321", script=f"{READS}id -u\n"))
    assert "hello from oasis" in result.stdout
    assert result.stdout.endswith("4321\n")
    environs = box.inside(booted.container, "python3", "-I", "-c", ENVIRONS, user="4321")
    assert "CONDOR_CONFIG=" in environs
    assert "closed" not in environs
    seen = environs + pilot.logs(box.engine, booted.container) + result.stdout
    assert not runs.contains_piece_of(token, seen)
    # The directory of the run; the pilot's own, which has the token, is another
    files = box.inside(booted.container, "sh", "-c", WRITTEN, user="4321")
    assert "CVMFS_HTTP_PROXY" in files
    assert not runs.contains_piece_of(token, files)


def test_with_a_standin_for_cvmfsexec_jobs_find_the_environment_that_they_find_elsewhere(pool, sites, boot):
    """cvmfsexec changes TMPDIR, PATH and BEARER_TOKEN_FILE of what it runs."""
    boot("no-cvmfs")
    there, here = (
        environment(ended(pool, send(pool, site, script="#!/bin/sh\nenv | grep -v ^_CONDOR_ANCESTOR\n")).stdout)
        for site in ("no-cvmfs", "masked")
    )
    assert set(here) == set(there)


def test_a_selftest_with_a_standin_for_cvmfsexec_runs_inside(box):
    said = cvmfs_standin.run(box, *cvmfs_standin.mounts(box), program="ospool-selftest")
    assert said.code == 0, said
    assert "mounted with cvmfsexec" in said.out
    assert said.refusals == []


@pytest.mark.parametrize("security", [OPEN, MASKED], ids=["open", "masked"])
def test_any_command_with_a_standin_for_cvmfsexec_runs_inside(box, security):
    script = f"cat /cvmfs/{OASIS}/README; grep SigIgn /proc/self/status; id -u; pwd; exit 42"
    said = cvmfs_standin.run(box, *cvmfs_standin.mounts(box), program="ospool-cvmfs", security=security,
                             command=("sh", "-c", script))  # fmt: skip
    assert said.code == 42, said
    assert said.out == "from oasis\nSigIgn:\t0000000000000000\n1000\n/pilot\n"


def test_with_a_standin_for_cvmfsexec_a_name_is_never_read_by_a_shell(box):
    scratch = box.scratch()
    touch = "$(touch /pilot/x)"
    for name in ("CVMFSEXEC_REPOS", "CVMFS_HTTP_PROXY", "CVMFS_QUOTA_LIMIT"):
        said = cvmfs_standin.run(box, *cvmfs_standin.mounts(box), "-v", f"{scratch}:/pilot", env={name: touch})
        assert (said.code, said.refusals) == (78, ["setting-invalid"]), said
        assert f"{name}=" in said.out
    assert list(scratch.iterdir()) == []
