"""The image itself: what is in it, and what is not."""

import json
import re

import pytest

from ospool_ep import VERSION

CONTENT = r"""
echo "== setuid"; find / -xdev -type f -perm /6000
echo "== programs"; for n in pip pip3 gcc cc make sudo su mount; do command -v $n; done
echo "== lists"; find /var/lib/apt/lists /var/cache/apt -type f
echo "== pilot"; stat -c '%a %u' /pilot
echo "== sid"; dpkg-query -Wf '${Package} ${Version}\n' apptainer condor
echo "== sources"
cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null
echo "== host"
find / -xdev \( -path /proc -o -path /sys \) -prune \
    -o \( -name pip.conf -o -path '/setup*' -o -path '/root/[.]*/*' \) -print
echo "== apt"; ls /etc/apt/apt.conf.d /etc/apt/preferences.d
echo "== user"; id osg
"""


@pytest.fixture(scope="module")
def config(box):
    return json.loads(box.engine.run("image", "inspect", box.image).stdout)[0]


@pytest.fixture(scope="module")
def content(box):
    script = box.engine.run("run", "--rm", "--user", "root", "--network", box.name, "--entrypoint", "sh", box.image,
                            "-c", CONTENT, check=False).stdout  # fmt: skip
    parts = re.split(r"^== (\w+)\n", script, flags=re.MULTILINE)[1:]
    return {name: text.split("\n")[:-1] for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_at_most_500_mb(config):
    assert config["Size"] <= 500e6


def test_labels_are_there_and_true(box, config):
    labels = config["Config"]["Labels"]
    for name in ("title", "version", "revision", "created", "source"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels["org.opencontainers.image.created"])
    versions = box.engine.run("run", "--rm", "--network", box.name, "--entrypoint", "sh", box.image, "-c",
                              "condor_version; apptainer --version").stdout  # fmt: skip
    assert f"CondorVersion: {labels['org.osg-htc.ospool-ep.htcondor-version']} " in versions
    assert f"apptainer version {labels['org.osg-htc.ospool-ep.apptainer-version']}" in versions


def test_it_runs_as_osg_through_an_exec_form_entrypoint(config, content):
    assert config["Config"]["User"] in ("osg", "1000", "1000:1000")
    assert config["Config"]["Entrypoint"][0].startswith("/")
    assert config["Config"]["Entrypoint"][0] != "/bin/sh"
    assert content["user"] == ["uid=1000(osg) gid=1000(osg) groups=1000(osg)"]


def test_no_setuid_programs_but_the_two_of_uidmap(content):
    assert {path.rpartition("/")[2] for path in content["setuid"]} <= {"newuidmap", "newgidmap"}


def test_no_compilers_no_pip_no_apt_lists(content):
    assert [path for path in content["programs"] if not path.endswith(("/su", "/mount"))] == []
    assert content["lists"] == []


def test_scratch_is_open_to_every_uid(content):
    assert content["pilot"] == ["1777 0"]


def test_nothing_of_the_building_host_is_in_it(box, content):
    assert content["host"] == []
    assert content["sources"] == []
    assert not [name for name in content["apt"] if "proxy" in name or "host" in name]
    history = box.engine.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", box.image).stdout
    for word in ("http_proxy=http", "HTTP_PROXY=http", "ca.pem", "/etc/apt/apt.conf.d/"):
        assert word not in history


def test_the_tiny_images_and_the_python_modules_are_there(box):
    script = "import htcondor2, classad2, psutil, tenacity, pynvml; print('all')"
    said = box.engine.run("run", "--rm", "--network", box.name, "--entrypoint", "python3", box.image, "-c", script)
    assert said.stdout == "all\n"


def test_every_knob_of_this_htcondor_is_a_reserved_name(box):
    """After an upgrade of HTCondor known_knobs.txt must grow with it."""
    code = (
        "import subprocess; from ospool_ep.reserved import reserved; "
        "lines = subprocess.run(('condor_config_val', '-dump'), capture_output=True, text=True).stdout.splitlines(); "
        "names = {line.partition('=')[0].strip() for line in lines if '=' in line and not line.startswith('#')}; "
        "print(len(names) > 1000, sorted(name for name in names if name.isidentifier() and not reserved(name)))"
    )
    said = box.run(options=("--entrypoint", "python3"), command=("-c", code))
    assert said.out.strip() == "True []"
