"""The CUDA image: what its build takes from PyPI, its names, and what a person reads when it is refused."""

import os
import re
import subprocess

import pytest

from poolbox import cuda, image

GET = image.REPO / "image/cuda/get"
PINS = GET.with_name(f"{cuda.VERSION}.pins")
PIN = re.compile(r"([a-z]+) +(nvidia-[a-z0-9-]+)==[0-9.]+( --hash=sha256:[0-9a-f]{64}){2}")
# `pip index versions cuda-toolkit` in November 2026, shortened
VERSIONS = """\
cuda-toolkit (13.5.0)
Available versions: 13.5.0, 13.4.1.0, 12.10.0, 12.9.2.0, 11.8.0
"""
UNREACHABLE = "ERROR: No matching distribution found for cuda-toolkit"
REFUSED = "CUDA_VERSION=9.0.0: NVIDIA has no such version on PyPI, it has 11.8.0 12.0.0"
OLD_BUILDER = f"""\
docker build failed:
    Step 2/26 : ARG CUDA_VERSION=11.8.0
    Step 10/26 : RUN /cuda/get "$CUDA_VERSION" "$CUDA_LIBRARIES"
     ---> Running in 1207ea2bc04b
    \x1b[91m{REFUSED}
    \x1b[0m
    The command '/bin/sh -c /cuda/get "$CUDA_VERSION" "$CUDA_LIBRARIES"' returned a non-zero code: 1
"""
BUILDKIT = f"""\
docker build failed:
    #12 [libraries 5/5] RUN /cuda/get "9.0.0" "cudart"
    #12 0.713 {REFUSED}
    #12 ERROR: process "/bin/sh -c /cuda/get \\"$CUDA_VERSION\\" \\"$CUDA_LIBRARIES\\"" did not complete: exit code: 1
"""


@pytest.fixture
def get(tmp_path):
    """Runs the build's script with a stand-in for pip: exit status, what it said at the end."""

    def run(version, libraries, pip):
        (tmp_path / "pip").write_text(f"#!/bin/sh\n{pip}\n")
        (tmp_path / "pip").chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
        command = ("bash", str(GET), version, libraries)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return run


def says(text, status=0):
    return f"cat <<'END'\n{text}\nEND\nexit {status}"


NAMES = "cublas cudart cufft cupti curand cusolver cusparse npp nvjitlink nvjpeg nvrtc nvtx"
UNKNOWN = "CUDA_VERSION={}: NVIDIA has no such version on PyPI, it has 11.8.0 12.9.2 12.10.0 13.4.1 13.5.0\n"


@pytest.mark.parametrize(("version", "libraries", "pip", "sentence"), [
    ("9.0.0", "cudart", says(VERSIONS), UNKNOWN.format("9.0.0")),
    ("12.9", "cudart", says(VERSIONS), UNKNOWN.format("12.9")),
    ("1.8.0", "cudart", says(VERSIONS), UNKNOWN.format("1.8.0")),
    ("", "cudart", says(VERSIONS), UNKNOWN.format("")),
    ("-v", "cudart", says(VERSIONS), UNKNOWN.format("-v")),
    ("13.5.0", "cudart", says(UNREACHABLE, 1),
     f"CUDA_VERSION=13.5.0: pip cannot find out whether there is such a version: {UNREACHABLE}\n"),
    ("11.8.0", "", "exit 9", f"CUDA_LIBRARIES=: name one or more of {NAMES}\n"),
    ("11.8.0", "cudart cudnn", "exit 9", f"CUDA_LIBRARIES=cudnn: it may name {NAMES}\n"),
    ("11.8.0", "cudart,nvjitlink", "exit 9", "CUDA_LIBRARIES=nvjitlink: CUDA 11.8.0 has none\n"),
])  # fmt: skip
def test_what_there_is_not_is_refused_with_what_there_is(get, version, libraries, pip, sentence):
    assert get(version, libraries, pip) == (1, sentence)


def test_a_version_without_pins_is_looked_for_and_one_with_pins_is_not(get):
    """A pip that fails only when it installs."""
    install = 'case "$*" in index*) {} ;; *) echo "asked to $*" >&2; exit 7 ;; esac'
    status, said = get("12.9.2", "cudart nvrtc", install.format(says(VERSIONS).replace("\nexit 0", "\n")))
    assert (status, said) == (7, "")  # it goes to standard output, for a person to read
    status, said = get("11.8.0", "cudart", install.format("exit 9"))
    assert status == 7
    assert "--no-deps --require-hashes -r " in said


@pytest.mark.parametrize("said", [OLD_BUILDER, BUILDKIT])
def test_of_all_that_the_engine_says_a_person_reads_the_one_sentence(said):
    assert cuda.refusal(said) == REFUSED


def test_another_failure_is_told_in_full():
    assert cuda.refusal('Step 3/26 : RUN /cuda/get "$CUDA_VERSION"\n    ERROR: no matching wheel') == ""


def test_both_names():
    assert cuda.tags("12.9.2") == ("ospool-ep:24-cuda-12_9_2-release", "ospool-ep:24-cuda_12_9_2-release")


def test_the_default_version_is_pinned_for_both_processors():
    lines = [line for line in PINS.read_text().splitlines() if not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert all(found)
    assert ("cudart", "nvidia-cuda-runtime-cu11") in [(match[1], match[2]) for match in found]
    assert {match[1] for match in found} <= set(NAMES.split())


def test_dockerfile_and_script_have_the_same_defaults():
    text = cuda.DOCKERFILE.read_text()
    for name, value in {"BASE": image.TAG, "CUDA_VERSION": cuda.VERSION, "CUDA_LIBRARIES": cuda.LIBRARIES}.items():
        assert f"ARG {name}={value}\n" in text
    assert cuda.tags(cuda.VERSION)[0] in text
