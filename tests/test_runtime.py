"""What started this container: traces of docker, podman, Apptainer and Slurm; Kubernetes' from its documentation."""

import pytest

import captured
from fakes import machine, put
from ospool_ep import environment, runtime
from ospool_ep.runtime import Facts, Runtime
from ospool_ep.settings import RUNTIME, runtime_marks

ID = "ffad283298fd742526cc1acd4f9fefc7aa95f22742db3368afe56bfe65ca630a"
# Rows of mountinfo. docker's was captured (20.10, a data root of its own), the others are written from documentation.
MOUNTS = {
    "docker": f"92 55 254:0 /var/lib/ospool-ep/engine/data/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 x rw",
    "podman": f"92 55 0:25 /containers/storage/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw",
    "Kubernetes": "92 55 254:0 /var/lib/kubelet/pods/3f1c1f0e-52d7/etc-hosts /etc/hosts rw - ext4 x rw",
}
IN_KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
IN_APPTAINER = {"APPTAINER_CONTAINER": "/usr/share/ospool-ep/tiny"}


def look(root, **environ):
    return runtime.look(machine(root), runtime_marks(environ))


def test_where_nothing_tells_nothing_is_guessed(tmp_path):
    assert look(tmp_path) == Runtime()
    assert Runtime().text == "unknown runtime"


@pytest.mark.parametrize(
    ("files", "environ", "engine"),
    [
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {"container": "podman"}, "podman"),
        ({"/run/.containerenv": 'engine="podman-4.3.1"\nrootless=0\n'}, {}, "podman"),
        ({}, {"container": "podman"}, "podman"),
        ({}, IN_KUBERNETES, "Kubernetes"),
        ({"/var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, {}, "Kubernetes"),
        # CRI-O makes podman's file, cri-dockerd leaves docker's
        ({"/run/.containerenv": ""}, IN_KUBERNETES, "Kubernetes"),
        ({"/.dockerenv": ""}, IN_KUBERNETES, "Kubernetes"),
        ({"/.singularity.d/runscript": ""}, IN_APPTAINER, "Apptainer"),
        ({}, {"SINGULARITY_CONTAINER": "x.sif"}, "Apptainer"),
        # Started in a pod: it has the pod's variables
        ({"/.singularity.d/runscript": ""}, IN_APPTAINER | IN_KUBERNETES, "Apptainer"),
        ({"/.singularity.d/runscript": ""}, {}, "Apptainer"),
        # Its image was Apptainer's once
        ({"/.singularity.d/runscript": "", "/.dockerenv": ""}, {}, "docker"),
        ({}, {"container": "systemd-nspawn"}, ""),
    ],
)
def test_files_and_variables(tmp_path, files, environ, engine):
    for path, text in files.items():
        put(tmp_path, path, text)
    assert look(tmp_path, **environ).engine == engine


@pytest.mark.parametrize("engine", MOUNTS)
def test_where_cvmfsexec_has_made_another_root_the_engines_mounts_tell(tmp_path, engine):
    put(tmp_path, "/proc/self/mountinfo", f"{MOUNTS[engine]}\n")
    assert look(tmp_path).engine == engine


@pytest.mark.parametrize(
    ("capture", "found"),
    [
        ("kubernetes-v1", Runtime("Kubernetes")),
        ("docker-v1-limited", Runtime("docker")),
        ("podman-v2-host-cgroupns", Runtime("podman")),
        ("slurm-batch-v2-mem", Runtime("", slurm=True)),
        ("slurm-step-v1-mem", Runtime("", slurm=True)),
        ("systemd-v2-service", Runtime()),
    ],
)
def test_paths_of_cgroups_that_were_captured(tmp_path, capture, found):
    laid = captured.load(capture).lay(tmp_path)
    assert runtime.look(laid, {}) == found


def test_docker_in_a_pod_is_docker():
    assert runtime.decide(Facts(cgroups=f"4:pids:/kubepods/burstable/pod1/docker/{ID}\n")).engine == "docker"


def test_apptainer_in_a_slurm_job(tmp_path):
    found = look(tmp_path, SLURM_JOB_ID="17", **IN_APPTAINER)
    assert (found, found.text) == (Runtime("Apptainer", slurm=True), "Apptainer in a Slurm job")


def test_the_service_package_says_so_itself(tmp_path):
    put(tmp_path, "/.dockerenv", "")
    assert look(tmp_path, OSPOOL_EP_SERVICE="ospool-ep.service").text == "docker, started by ospool-ep.service"
    assert look(tmp_path, OSPOOL_EP_SERVICE="\x1b[2J; rm").service == ""


def test_what_a_runtime_sets_is_no_mistake_of_the_site():
    _, problems = environment.load(dict.fromkeys(RUNTIME, "x"))
    assert {problem.id for problem in problems} == {"setting-missing"}
