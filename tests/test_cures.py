"""Cures for the runtime that we are in: what is printed can be pasted there."""

import re
from pathlib import Path

import pytest

import ospool_ep
from ospool_ep.containers import causes, surroundings
from ospool_ep.cures import cure, option, told, worded
from ospool_ep.gpus import judge
from ospool_ep.problem import Exit, Problem, warning
from ospool_ep.report import Line
from ospool_ep.runtime import Runtime

DOCKER, PODMAN, KUBERNETES, APPTAINER = map(Runtime, ("docker", "podman", "Kubernetes", "Apptainer"))
IN_SLURM, SERVICE = Runtime("Apptainer", slurm=True), Runtime("docker", service="ospool-ep.service")
ALL = (DOCKER, PODMAN, KUBERNETES, APPTAINER, IN_SLURM, SERVICE)
THREE = "docker: A\npodman: B\nKubernetes: C"


@pytest.mark.parametrize(
    ("runtime", "text"), [(DOCKER, "A"), (PODMAN, "B"), (KUBERNETES, "C"), (APPTAINER, THREE), (Runtime(), THREE)]
)
def test_the_line_of_this_runtime_or_all_where_there_is_none(runtime, text):
    assert cure(THREE, runtime) == text


def test_what_is_for_everybody_and_for_the_host_stays():
    text = "free some space\nhost: modprobe fuse\ndocker or podman: --device /dev/fuse\nKubernetes: a plugin\nand wait"
    assert cure(text, PODMAN) == "free some space\nhost: modprobe fuse\n--device /dev/fuse\nand wait"
    assert cure(text, KUBERNETES) == "free some space\nhost: modprobe fuse\na plugin\nand wait"
    assert cure("host: sysctl -w a=1", KUBERNETES) == "host: sysctl -w a=1"


def test_what_begins_a_further_cure_stays_before_the_line_that_is_left():
    text = f"X\nand, for PID namespaces: {THREE}\nand, for .sif files: host: H\ndocker or podman: D\nKubernetes: E"
    assert cure(text, KUBERNETES) == "X\nand, for PID namespaces: C\nand, for .sif files: host: H\nE"
    assert cure(text, PODMAN) == "X\nand, for PID namespaces: B\nand, for .sif files: host: H\nD"


def test_the_real_cure_of_containers_that_do_not_run():
    around = surroundings.Surroundings(seccomp=True, over_proc=("/proc/sys",), fuse="missing")
    cause = causes.of_containers("Failed to create user namespace", around)
    text = "\n".join((cause.cure, *causes.further(around, pid_namespaces=True)))
    assert cure(text, KUBERNETES) == (
        "securityContext.seccompProfile.type: Unconfined\n"
        "and, for PID namespaces: securityContext.procMount: Unmasked\n"
        "and, for .sif files: a device plugin that grants /dev/fuse"
    )
    assert "unmask=ALL" in cure(text, PODMAN)
    for other in ("docker:", "docker or podman:", "Kubernetes:", "systempaths"):
        assert other not in cure(text, PODMAN)


TRANSLATED = {
    'docker run -e GLIDEIN_Site="NAME"': (
        'podman run -e GLIDEIN_Site="NAME"', 'env: [{name: GLIDEIN_Site, value: "NAME"}]',
        'apptainer run --env GLIDEIN_Site="NAME"', "GLIDEIN_Site=NAME in /etc/osg/ospool-ep.cfg",
    ),
    "-e EXTRA_JOB_ENV=\"NAME=value OTHER='two words'\"": (
        None, "env: [{name: EXTRA_JOB_ENV, value: \"NAME=value OTHER='two words'\"}]",
        "--env EXTRA_JOB_ENV=\"NAME=value OTHER='two words'\"",
        "EXTRA_JOB_ENV=NAME=value OTHER='two words' in /etc/osg/ospool-ep.cfg",
    ),
    "-e NVIDIA_DRIVER_CAPABILITIES=compute,utility, and more": (
        None, 'env: [{name: NVIDIA_DRIVER_CAPABILITIES, value: "compute,utility"}], and more',
        "export APPTAINERENV_NVIDIA_DRIVER_CAPABILITIES=compute,utility, and more",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility in /etc/osg/ospool-ep.cfg, and more",
    ),
    "docker run -v /worker-temp-dir:/pilot": (
        "podman run -v /worker-temp-dir:/pilot", "volumeMounts: [{name: VOLUME, mountPath: /pilot}]",
        "apptainer run --bind /worker-temp-dir:/pilot", "WORKER_TEMP_DIR=/worker-temp-dir in /etc/osg/ospool-ep.cfg",
    ),
    "docker run -v /a:/b:ro": (
        "podman run -v /a:/b:ro", "volumeMounts: [{name: VOLUME, mountPath: /b, readOnly: true}]",
        "apptainer run --bind /a:/b:ro", None,
    ),
    "docker run -v /cvmfs:/cvmfs:shared   (or :rslave; Kubernetes: mountPropagation: HostToContainer)": (
        "podman run -v /cvmfs:/cvmfs:shared   (or :rslave)", "mountPropagation: HostToContainer", None,
        "BIND_MOUNT_CVMFS=true in /etc/osg/ospool-ep.cfg   (or :rslave)",
    ),
    "docker run --memory=700m": ("podman run --memory=700m", "resources: {limits: {memory: 700Mi}}", None, None),
    "docker run --cpus=2": ("podman run --cpus=2", 'resources: {limits: {cpu: "2"}}', None, None),
    "docker run --pids-limit=16384, or more": (
        "podman run --pids-limit=16384, or more", "podPidsLimit of the kubelet, 16384, or more", None, None,
    ),
    "docker run --shm-size=64m, or more": (
        "podman run --shm-size=64m, or more",
        "a volume at /dev/shm: emptyDir: {medium: Memory, sizeLimit: 64Mi}, or more", None, None,
    ),
    "docker run --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:ro": (
        "podman run --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:ro", None, None, None,
    ),
    "docker run --gpus '\"device=0,1\"'": (
        "podman run --device nvidia.com/gpu=0 --device nvidia.com/gpu=1", None, None, None,
    ),
    "on the host: nvidia-smi, and dmesg | grep -i -e nvrm -e xid": (None, None, None, None),
    "chmod 0666 /dev/fuse -v": (None, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("text", TRANSLATED)
def test_dockers_words_in_others(text):
    for runtime, expected in zip((PODMAN, KUBERNETES, APPTAINER, SERVICE), TRANSLATED[text], strict=True):
        assert cure(text, runtime) == (text if expected is None else expected), runtime.text


def test_in_docker_nothing_changes_but_other_runtimes_are_left_out():
    for text in TRANSLATED:
        assert cure(text, DOCKER) == text.replace("; Kubernetes: mountPropagation: HostToContainer", "")


def test_limits_of_a_slurm_job_are_slurms():
    assert cure("docker run --memory=700m", IN_SLURM) == "sbatch --mem=700M"
    text = "-e NUM_CPUS=4, or docker run --cpus=4"
    assert cure(text, IN_SLURM) == "--env NUM_CPUS=4, or sbatch --cpus-per-task=4"


@pytest.mark.parametrize(
    ("runtime", "option"),
    [(DOCKER, "docker run --gpus all"), (PODMAN, "--device nvidia.com/gpu=all"), (APPTAINER, "--nv"),
     (KUBERNETES, "resources.limits nvidia.com/gpu")],
)  # fmt: skip
def test_alternatives_in_the_middle_of_a_sentence(runtime, option):
    assert cure(judge._RUNTIME, runtime) == f"{option}; on the host nvidia-smi must work"


def test_an_option_that_a_runtime_does_not_have_is_marked_as_dockers():
    assert option("--security-opt systempaths=unconfined", PODMAN) == "--security-opt unmask=ALL"
    assert option("--security-opt seccomp=unconfined", APPTAINER) == (
        "docker or podman: --security-opt seccomp=unconfined"
    )


def test_only_the_cure_changes():
    problem = Problem("some-id", "docker: found", "docker: why", "docker: A\npodman: B", Exit.UNFIT, "docker: raw")
    (found,) = told((problem,), PODMAN)
    assert found == Problem("some-id", "docker: found", "docker: why", "B", Exit.UNFIT, "docker: raw")
    line = Line("a", "x", (warning("b", "f", "w", THREE),))
    assert worded(line, KUBERNETES).problems[0].cure == "C"


def test_of_all_cures_in_the_program_none_loses_a_word_for_docker_and_none_keeps_anothers():
    """Every string of the source that looks like one, whatever module it is in."""
    root = Path(ospool_ep.__file__).parent
    texts = {
        text
        for path in root.rglob("*.py")
        for text in re.findall(r'"((?:docker|podman|-e )[^"\n]*)"', path.read_text())
        if ": " in text or "-" in text
    }
    assert len(texts) > 20
    for text in texts:
        plain = text.replace("\\n", "\n")
        for runtime in ALL:
            found = cure(plain, runtime)
            assert found, (text, runtime)
            assert cure(found, runtime) == found, "it is worded once"
        assert "docker run" not in cure(plain, PODMAN)
