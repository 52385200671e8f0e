"""Machines with NVIDIA GPUs that are not there: stand-ins for the driver's libraries, and any device for its nodes.

The libraries are the C sources of the directory gpu/; what they play is a text file, seen by daemons and jobs alike.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poolbox import image as images
from poolbox import pool as pools
from poolbox.progress import Steps

HERE = Path(__file__).parent / "gpu"
BUILDER = "ospool-ep:test-gpu-builder"
OPENCL = "ospool-ep:test-opencl"
DRIVER = "580.159.04"
# Inside: the machine's file, and the program that tells what a job sees
PLACE = "/opt/standin-gpus"
LOOK = f"{PLACE}/look"
# Where NVIDIA's own runtime puts the libraries, and where Google's Kubernetes does
SYSTEM, GKE = "/usr/lib/x86_64-linux-gnu", "/usr/local/nvidia/lib64"
# Inside: an image for jobs that has a C library, as the pilot's tiny one has not
IMAGE = "/images/glibc"
ADD_GLIBC = """\
set -e
cp -a /usr/share/ospool-ep/tiny /made/image
cd /made/image
mkdir -p lib64 lib/x86_64-linux-gnu
cp -L /lib64/ld-linux-x86-64.so.2 lib64/
cp -L /lib/x86_64-linux-gnu/libc.so.6 lib/x86_64-linux-gnu/
chmod -R a+rX /made/image
"""
# condor_gpu_discovery has variables that are named as libcuda's functions: hence -Bsymbolic
COMPILE = f"""\
set -e
cd /made
library() {{
    gcc -shared -fPIC -Os -Wall -Wextra -Werror -Wl,-Bsymbolic,-soname,$1.so.1 -o $1.so.{DRIVER} /src/machine.c /src/$2
}}
library libnvidia-ml standin_nvml.c
library libcuda standin_cuda.c
gcc -Os -Wall -Wextra -Werror -o look /src/look.c
"""
LIBRARIES = ("libcuda", "libnvidia-ml")


@dataclass(frozen=True)
class Instance:
    """A MIG instance; memory in MiB."""

    uuid: str
    name: str
    gi: int
    memory: int
    units: int
    ci: int = 0

    def line(self) -> str:
        return f"mig {self.uuid} gi={self.gi} ci={self.ci} memory={self.memory} units={self.units} {self.name}\n"


@dataclass(frozen=True)
class Gpu:
    """A device; memory in MiB. `handle` and `query`: NVML's error where it is asked for a handle, or with one; `hang`
    never returns."""

    uuid: str
    minor: int
    name: str = "NVIDIA H100 80GB HBM3"
    memory: int = 81559
    capability: str = "9.0"
    units: int = 132
    mig: str = "off"
    instances: tuple[Instance, ...] = ()
    handle: str = "0"
    query: str = "0"

    @property
    def pci(self) -> str:
        return f"0000:{0x1B + self.minor * 0x10:02X}:00.0"

    def text(self) -> str:
        more = f"mig={self.mig} handle={self.handle} query={self.query}"
        first = f"device {self.uuid} minor={self.minor} memory={self.memory} capability={self.capability}"
        lines = [f"{first} units={self.units} pci={self.pci} {more} {self.name}\n"]
        return "".join(lines + [one.line() for one in self.instances])


@dataclass(frozen=True)
class Machine:
    """What the libraries play; `more` are further lines (gpu/machine.h)."""

    gpus: tuple[Gpu, ...] = ()
    more: tuple[str, ...] = ()
    nodes: str = "hidden"

    @property
    def uuids(self) -> tuple[str, ...]:
        """Of the devices."""
        return tuple(gpu.uuid for gpu in self.gpus)

    def text(self) -> str:
        first = (f"driver {DRIVER}", "cuda 13000", f"nodes {self.nodes}", *self.more)
        return "".join([f"{line}\n" for line in first] + [gpu.text() for gpu in self.gpus])

    def but(self, number: int, **changes: str) -> "Machine":
        """The same with one device changed."""
        gpus = [replace(gpu, **changes) if i == number else gpu for i, gpu in enumerate(self.gpus)]
        return replace(self, gpus=tuple(gpus))


def h100(minor: int) -> Gpu:
    """A device without instances; the beginnings of the UUIDs differ."""
    return Gpu(f"GPU-{minor:x}d1c6f0a-5b2e-4c8d-9a37-1f2e3d4c5b{0x60 + minor:02x}", minor)


def h100s(count: int) -> Machine:
    """A machine of so many."""
    return Machine(tuple(h100(minor) for minor in range(count)))


# 3g.20gb and twice 2g.10gb
A100 = Gpu(
    "GPU-5f3a2b1c-7d8e-4f90-a1b2-c3d4e5f60718", 0, "NVIDIA A100-SXM4-40GB", 40960, "8.0", 108, "on",
    (
        Instance("MIG-0a4f7c2e-91d3-5b68-8e5f-2c7a9b1d3e4f", "NVIDIA A100-SXM4-40GB MIG 3g.20gb", 2, 19968, 42),
        Instance("MIG-1b5e8d3f-a2c4-5e79-9f60-3d8bac2e4f50", "NVIDIA A100-SXM4-40GB MIG 2g.10gb", 3, 9856, 28),
        Instance("MIG-2c6f9e40-b3d5-5f8a-8071-4e9cbd3f5061", "NVIDIA A100-SXM4-40GB MIG 2g.10gb", 5, 9856, 28),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Host:
    """A machine to mount: its directory is PLACE inside. What it plays may change while containers run."""

    box: object
    directory: Path
    minors: tuple[int, ...] = ()

    def play(self, machine: Machine | None) -> None:
        """Play this from now on; None: no driver."""
        new, old = self.directory / "new", self.directory / "machine"
        new.write_text("" if machine is None else machine.text())
        new.chmod(0o644)
        new.replace(old)
        if machine is None:
            old.unlink()

    def options(
        self,
        where: str = SYSTEM,
        *,
        unversioned: bool = False,
        cache: str = "",
        libraries: Sequence[str] = LIBRARIES,
        closed: Sequence[str] = (),
    ) -> tuple[str, ...]:
        """Options of `docker run`: directory, libraries, nodes.

        `unversioned`: libcuda.so is there too. `cache`: the /etc/ld.so.cache that `ldconfig` would make (knows), or
        another system's (foreign); without it the image's own, which knows none of them. `closed`: nodes (nvidia0,
        nvidiactl) that only root can open.
        """
        words = [f"-v={self.directory}:{PLACE}:ro", *_mounts(_made(self.box), where, unversioned, libraries)]
        if cache:
            words.append(f"-v={_cache(self.box, where, cache)}:/etc/ld.so.cache:ro")
        names = [f"nvidia{minor}" for minor in self.minors] + (["nvidiactl", "nvidia-uvm"] if self.minors else [])
        for name in names:
            words.append(f"-v={_closed(self.box)}:/dev/{name}" if name in closed else f"--device=/dev/null:/dev/{name}")
        return tuple(words)


def host(box, machine: Machine | None, minors: Sequence[int] | None = None) -> Host:
    """A new machine, with a node for each of its devices unless `minors` says which."""
    directory = box.new_path()
    directory.mkdir()
    directory.chmod(0o755)
    (directory / "look").write_bytes((_made(box) / "look").read_bytes())
    (directory / "look").chmod(0o755)
    there = [gpu.minor for gpu in machine.gpus] if machine and minors is None else minors or []
    made = Host(box, directory, tuple(there))
    made.play(machine)
    return made


def with_image(box) -> tuple[str, ...]:
    """The option that mounts an image with a C library on IMAGE."""
    return (f"-v={_image(box)}:{IMAGE}:ro",)


def opencl(box) -> str:
    """The tag of the pilot's image with PoCL in it: an OpenCL vendor that needs no GPU."""
    return images.build_with(box.engine, Steps(), HERE / "opencl/Dockerfile", OPENCL)


@functools.cache
def _made(box) -> Path:
    """The directory of the compiled stand-ins."""
    images.build_with(box.engine, Steps(), HERE / "Dockerfile", BUILDER)
    return _run(box, BUILDER, COMPILE, f"-v={HERE}:/src:ro")


@functools.cache
def _image(box) -> Path:
    return _run(box, box.image, ADD_GLIBC) / "image"


@functools.cache
def _cache(box, where: str, kind: str) -> Path:
    """An /etc/ld.so.cache: of a system that has the libraries `where` it is said, or somewhere else."""
    inside = where if kind == "knows" else "/usr/lib64/nvidia"
    mounts = _mounts(_made(box), inside, False, LIBRARIES)
    script = f"ldconfig -X -C /made/ld.so.cache {inside} && chmod 0644 /made/ld.so.cache"
    return _run(box, box.image, script, *mounts) / "ld.so.cache"


@functools.cache
def _closed(box) -> Path:
    """The node of a device that only root can open."""
    return _run(box, box.image, "mknod -m 0600 /made/node c 1 3") / "node"


def _run(box, image: str, script: str, *options: str) -> Path:
    """A new directory, with what a script has left in /made as root."""
    made = box.new_path()
    made.mkdir()
    made.chmod(0o755)
    given = ("--rm", "--user=0", "--network=none", f"--label={pools.LABEL}={box.name}", f"-v={made}:/made", *options)
    box.engine.run("run", *given, "--entrypoint=sh", image, "-c", script)
    return made


def _mounts(made: Path, where: str, unversioned: bool, libraries: Sequence[str]) -> list[str]:
    """Each library under the names that it has beside a real driver."""
    names = [(library, end) for library in libraries for end in (f".so.{DRIVER}", ".so.1")]
    names += [("libcuda", ".so")] if unversioned else []
    return [f"-v={made}/{library}.so.{DRIVER}:{where}/{library}{end}:ro" for library, end in names]
