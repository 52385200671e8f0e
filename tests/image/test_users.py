"""Users, homes, hosts and file systems as sites have them; a .sif job runs for a uid that nobody knows."""

import pytest
import runs

from poolbox import jobs, pilot
from poolbox.condor import unquoted


def run_in_sif(pool, site):
    directory = jobs.new_directory(pool)
    pool.exec("cp", "/usr/share/ospool-ep/tiny.sif", f"{directory}/my.sif", user=jobs.USER)
    files = {"run.sh": "#!/bin/sh\nid -u\necho $APPTAINER_NAME\n"}
    return jobs.wait_for_job(
        pool,
        jobs.submit(
            pool, runs.description(runs.at_site(site), runs.PROJECT, "container_image = my.sif"), files, directory
        ),
        60,
    )


def test_a_uid_that_nobody_knows(box, pool, token, boot):
    booted = boot("uid12345", token=box.token_file(token, 12345), scratch=box.scratch(12345), user=("--user", "12345"))
    assert (booted.ad["HasSIF"], booted.ad["HAS_SINGULARITY"]) == ("true", "true")
    result = run_in_sif(pool, "uid12345")
    assert (result.state, result.stdout.split()) == ("done", ["12345", "my.sif"]), result


def test_openshift_and_a_token_in_a_variable(box, pool, token, boot):
    """A huge uid with group 0 and no HOME; TOKEN must not survive in any environment or log."""
    booted = boot("openshift", token=None, scratch=box.scratch(1000730000), user=("--user", "1000730000:0"),
                  env={"TOKEN": token, "HOME": ""})  # fmt: skip
    # `docker exec` gives the container's variables to what it starts: look at HTCondor's processes only
    daemons = "for p in /proc/[0-9]*; do case $(cat $p/comm) in condor_*) cat $p/environ;; esac; done"
    environments = box.inside(booted.container, "sh", "-c", daemons)
    config = box.inside(booted.container, "sh", "-c", "cat /run/ospool-ep/ep-*/condor_config")
    assert "CONDOR_CONFIG=" in environments
    assert "TOKEN=" not in environments
    seen = environments + config + pilot.logs(box.engine, booted.container) + str(booted.ad)
    assert not runs.contains_piece_of(token, seen)
    assert booted.ad["HAS_SINGULARITY"] == "true"


@pytest.mark.parametrize(("site", "hostname"), [("odd-a", "odd.name"), ("odd-b", "under_score.example.org")])
def test_an_odd_hostname(boot, site, hostname):
    booted = boot(site, options=("--hostname", hostname))
    assert unquoted(booted.ad["Machine"]) == f"{site}." + hostname.replace("_", "-")


def test_a_hostname_that_does_not_resolve(box, boot):
    """The engine writes the name into /etc/hosts: here it is not there."""
    hosts = box.file("127.0.0.1 localhost\n")
    booted = boot("noname", options=("--hostname", "noname.invalid", "-v", f"{hosts}:/etc/hosts:ro"))
    assert unquoted(booted.ad["Machine"]) == "noname.noname.invalid"


def test_a_read_only_container(boot):
    tmpfs = [word for path in ("/tmp", "/run", "/var/tmp") for word in ("--tmpfs", f"{path}:exec,mode=1777")]
    booted = boot("readonly", options=("--read-only", *tmpfs))
    assert booted.ad["HAS_SINGULARITY"] == "true"


def test_no_init_process_of_the_runtime_is_needed_but_it_does_no_harm(box, boot):
    booted = boot("init", options=("--init",))
    assert pilot.stop(box.engine, booted.container) == 0


def test_a_terminal(box, boot):
    """`docker run -t`: the daemons' lines still come."""
    booted = boot("tty", options=("-t",))
    seen = pilot.logs(box.engine, booted.container)
    assert all(f" {daemon} " in seen for daemon in ("BOOT", "MASTER", "STARTD"))


def test_default_security_options_cost_containers_not_the_pilot(box, boot):
    booted = boot("default-sec", security=False)
    assert booted.ad["HAS_SINGULARITY"] == "false"
    seen = pilot.logs(box.engine, booted.container)
    assert "warning: apptainer" in seen
    assert "--security-opt seccomp=unconfined" in seen


def test_without_fuse_only_sif_files_do_not_run(box, boot):
    booted = boot("nofuse", devices=())
    assert (booted.ad["HAS_SINGULARITY"], booted.ad["SINGULARITY_CAN_USE_SIF"]) == ("true", "false")
    assert booted.ad.get("HasSIF") != "true"
    assert "--device /dev/fuse" in pilot.logs(box.engine, booted.container)
