"""Jobs on machines with GPUs, through a real pool: what the ads say, what jobs get, and what the others do not see.

Stand-ins for NVIDIA's libraries play the machines; a job looks with a program that knows nothing of them.
"""

import re
from dataclasses import replace

import gpu_standin as gpus
import payload
import pytest
import runs
from gpu_standin import A100, GKE, Machine, h100, h100s
from payload import ended, environment, image, send

from poolbox import jobs
from poolbox.condor import unquoted

BIND = {"SINGULARITY_BIND_EXTRA": gpus.PLACE}
THREE = h100s(3)
MIXED = Machine((A100, h100(1)))
ASKS = "request_gpus = 1"
CONTAINED = image(gpus.IMAGE)
LIBRARIES = "/.singularity.d/libs"
VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "_CONDOR_AssignedGPUs")
LOOK = f"""\
#!/bin/sh
echo "== look"; {gpus.LOOK}
echo "== env"; env
echo "== libs"; ls {LIBRARIES} 2>/dev/null
echo "== nodes"; ls /dev | grep nvidia
echo "== vendors"; ls /etc/OpenCL/vendors 2>/dev/null
echo "== times"; date +%s; sleep ${{1:-0}}; date +%s
"""
TMPFS = [word for path in ("/tmp", "/run", "/var/tmp") for word in ("--tmpfs", f"{path}:exec,mode=1777")]
CRON = "CONDOR_CONFIG=$(echo /run/ospool-ep/ep-*/condor_config) condor_config_val STARTD_CRON_JOBLIST"
ROOM = "sed -i 's/^RoomForCPUOnlyJobs = .*/RoomForCPUOnlyJobs = True/' /run/ospool-ep/ep-*/condor_config && kill -HUP 1"


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    """`two`: two of three visible ones were given. `mig`: instances beside a whole one, and no PID namespaces for
    jobs. `none`: no GPU."""
    vendors = box.new_path()
    vendors.mkdir()
    vendors.chmod(0o755)
    (vendors / "site.icd").write_text("libsite-opencl.so.1\n")
    two = (
        *gpus.host(box, THREE).options(), *gpus.with_image(box), "-v", f"{vendors}:/etc/OpenCL/vendors:ro",
    )  # fmt: skip
    mig = (*gpus.host(box, MIXED).options(unversioned=True, cache="knows"), *gpus.with_image(box))
    pilots = {
        "gpus-two": ({**BIND, "CUDA_VISIBLE_DEVICES": "1,2"}, two),
        "gpus-mig": ({**BIND, "SINGULARITY_DISABLE_PID_NAMESPACES": "true"}, mig),
        "gpus-none": ({}, ()),
    }
    with runs.together(box, pool, token_file, pilots) as booted:
        yield booted


def gpu_job(pool, site, *more, argument="0", script=LOOK):
    return send(pool, site, ASKS, f"arguments = {argument}", *more, script=script)


def seen(pool, job):
    """What a job has printed: section to text."""
    result = ended(pool, job)
    assert (result.exit_code, result.stderr) == (0, ""), result
    return payload.sections(result.stdout)


def devices(text):
    """UUIDs that CUDA has shown to a job, without their beginnings."""
    return re.findall(r"^cuda device: (\S+)", text, re.MULTILINE)


def bare(uuid):
    return uuid.partition("-")[2]


def given(there):
    """What HTCondor has told a job of its devices."""
    env = environment(there["env"])
    return [env.get(name) for name in VARIABLES]


def test_the_ad_says_what_was_given_and_no_more(sites):
    ad = sites["gpus-two"].ad
    expected = {
        "GPUs": "2", "TotalGPUs": "2", "GPUs_Capability": "9.0", "GPUs_DriverVersion": "13.0",
        "GPUs_DeviceName": '"NVIDIA H100 80GB HBM3"', "GPUs_GlobalMemoryMb": "81090",
        "GPUs_MaxSupportedVersion": "13000", "GPUs_NvidiaDriver": f'"{gpus.DRIVER}"', "GPUs_ComputeUnits": "132",
        "DetectedGPUs": '"GPU-1d1c6f0a, GPU-2d1c6f0a"',
    }  # fmt: skip
    assert {name: ad.get(name) for name in expected} == expected
    assert re.findall(r"GPUs_GPU_(\w+)", ad["AvailableGPUs"]) == ["1d1c6f0a", "2d1c6f0a"]
    assert "GPU-0d1c6f0a not in CUDA_VISIBLE_DEVICES=1,2" in ad["GPUS_COMMENT"]


def test_an_ad_of_instances_says_what_each_is(sites):
    ad = sites["gpus-mig"].ad
    names = [*(part.uuid for part in A100.instances), "GPU-1d1c6f0a"]
    assert (ad["GPUs"], unquoted(ad["DetectedGPUs"])) == ("4", ", ".join(names))
    part = ad[f"GPUs_{names[0].replace('-', '_')}"]
    assert 'DeviceName = "NVIDIA A100-SXM4-40GB MIG 3g.20gb"' in part
    assert "Capability = 8.0" in part


def test_a_machine_without_gpus_says_so_and_looks_no_more(box, sites):
    booted = sites["gpus-none"]
    assert booted.ad["GPUs"] == "0"
    assert "GPUS_COMMENT" not in booted.ad
    assert box.inside(booted.container, "sh", "-c", CRON, user="osg").split() == ["MIPS", "CONTAINERS"]


@pytest.fixture(scope="module")
def pair(pool, sites):
    """Two jobs at once, one that runs directly and one in a container."""
    sent = [gpu_job(pool, "gpus-two", argument="15"), gpu_job(pool, "gpus-two", CONTAINED, argument="15")]
    return [seen(pool, job) for job in sent]


def test_a_job_sees_its_device_alone_directly_and_in_a_container(pair):
    for there, contained in zip(pair, (False, True), strict=True):
        assert ("APPTAINER_CONTAINER" in environment(there["env"])) is contained
        cuda, nvidia, ordinal, assigned = given(there)
        assert cuda == nvidia
        assert devices(there["look"]) == [bare(cuda)]
        assert ordinal == assigned == cuda[:12]
        assert {"libcuda.so.1: opened", "libnvidia-ml.so.1: opened", "nvmlInit: 0"} <= set(there["look"].splitlines())


def test_two_jobs_at_once_have_different_devices(pair):
    assert sorted(given(there)[0] for there in pair) == [THREE.gpus[1].uuid, THREE.gpus[2].uuid]
    (begin, end), (other_begin, other_end) = (map(int, there["times"].split()) for there in pair)
    assert max(begin, other_begin) < min(end, other_end)


def test_the_container_of_a_gpu_job_has_drivers_nodes_and_opencl_vendors(pair):
    inside = pair[1]
    assert {"libcuda.so.1", "libnvidia-ml.so.1"} <= set(inside["libs"].split())
    assert {"nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"} <= set(inside["nodes"].split())
    assert inside["vendors"] == "site.icd\n"


def test_a_gpu_job_has_no_library_path_of_ours_where_the_loader_finds_the_driver(pair):
    assert "LD_LIBRARY_PATH" not in environment(pair[0]["env"])


@pytest.mark.lane("two")
def test_a_job_without_gpus_waits_until_there_is_room_and_sees_none(box, pool, sites):
    """Two CPUs are no room beside two GPUs; that there is some is written into the pilot's configuration."""
    booted = sites["gpus-two"]
    contained, direct = send(pool, "gpus-two", CONTAINED, script=LOOK), send(pool, "gpus-two", script=LOOK)
    assert seen(pool, gpu_job(pool, "gpus-two"))["look"]
    assert jobs.wait_for_job(pool, contained, 0).events == jobs.wait_for_job(pool, direct, 0).events == ("SUBMIT",)
    assert booted.ad["RoomForCPUOnlyJobs"] != "true"
    box.inside(booted.container, "sh", "-c", ROOM, user="osg")
    for job in (contained, direct):
        there = seen(pool, job)
        assert given(there)[:3] == ["10000", "none", "10000"]
        assert devices(there["look"]) == []
    assert "libcuda.so.1: opened" in there["look"]
    there = seen(pool, contained)
    # Vendors too: the libraries that they name come with --nv
    assert (there["libs"], there["nodes"], there["vendors"]) == ("", "", "")
    assert "libcuda.so.1: opened" not in there["look"]


@pytest.mark.lane("mig")
@pytest.mark.parametrize("more", ["", CONTAINED], ids=["directly", "in a container"])
def test_a_job_gets_an_instance_and_no_more(pool, sites, more):
    """CUDA shows one instance at most, whatever it is told: so there must be one."""
    parts = [part.uuid for part in A100.instances]
    there = seen(pool, gpu_job(pool, "gpus-mig", "require_gpus = Capability < 9", more))
    (one,) = devices(there["look"])
    assert given(there)[0] == f"MIG-{one}"
    assert f"MIG-{one}" in parts


@pytest.mark.lane("bare")
def test_any_uid_a_read_only_root_and_libraries_that_no_loader_knows(box, pool, boot, token):
    """As in Google's Kubernetes: they are in a directory of their own, and nobody can write the loader's cache."""
    passwd = box.file("pilot:x:4321:0::/tmp:/bin/sh\n")
    options = (
        *gpus.host(box, h100s(1)).options(GKE), *gpus.with_image(box), "--read-only", *TMPFS,
        "-v", f"{passwd}:/var/lib/extrausers/passwd:ro",
    )  # fmt: skip
    booted = boot(
        "gpus-bare", token=box.token_file(token, 4321), scratch=box.scratch(4321), user=("--user", "4321"), env=BIND,
        options=options,
    )  # fmt: skip
    assert (booted.ad["GPUs"], booted.ad["GPUs_DriverVersion"]) == ("1", "13.0")
    for more in ("", CONTAINED):
        there = seen(pool, gpu_job(pool, "gpus-bare", more))
        assert devices(there["look"]) == [bare(h100s(1).uuids[0])]


@pytest.mark.lane("opencl")
def test_a_real_opencl_vendor_is_looked_at(box):
    """PoCL has a loader beside it; with its file alone the library is missed (images of jobs bring a loader)."""
    said = replace(box, image=gpus.opencl(box)).run(options=("--entrypoint", "ospool-selftest"), timeout_s=60)
    assert "OpenCL: Portable Computing Language (1 device)" in said.out
    assert [id for id in said.warnings if id.startswith("gpu")] == []
    vendors = box.new_path()
    vendors.mkdir()
    vendors.chmod(0o755)
    (vendors / "pocl.icd").write_text("libpocl.so.2")
    mounted = ("-v", f"{vendors}:/etc/OpenCL/vendors:ro", "--entrypoint", "ospool-selftest")
    warned = [id for id in box.run(options=mounted, timeout_s=60).warnings if id.startswith("gpu")]
    assert warned == ["gpu-opencl-library"]
