"""OpenCL: the vendors in /etc/OpenCL/vendors, and whether their libraries open. Nothing of it is offered by itself."""

from dataclasses import dataclass
from pathlib import Path

from ospool_ep.gpus import look_opencl
from ospool_ep.gpus.seen import told
from ospool_ep.machine import TIMED_OUT, Machine, Result
from ospool_ep.problem import Problem, warning

_PROGRAM = Path(look_opencl.__file__)
_TIMEOUT_S = 20.0
_WHY = "OpenCL programs in jobs do not find this vendor's devices"


@dataclass(frozen=True)
class Vendor:
    """An .icd file, the library that it names, and why that does not open (empty: it does)."""

    icd: str
    library: str = ""
    error: str = ""


@dataclass(frozen=True)
class OpenCL:
    """`platforms` as the loader (libOpenCL.so.1) lists them, with their numbers of devices; `loader`: its error."""

    vendors: tuple[Vendor, ...] = ()
    platforms: tuple[tuple[str, int], ...] = ()
    loader: str = ""
    stuck: str = ""


def ask(machine: Machine, icds: tuple[str, ...], directories: tuple[str, ...]) -> OpenCL:
    """`icds`: the vendors' files; nothing is asked where there are none."""
    if not icds:
        return OpenCL()
    words = ("python3", "-I", "-S", str(_PROGRAM), ":".join(directories), *icds)
    return understood(machine.run(words, _TIMEOUT_S))


def understood(result: Result) -> OpenCL:
    """From what the program said before it ended, or was ended."""
    said = told(result.stdout)
    doing = next((one["doing"] for one in reversed(said) if "doing" in one), "starting")
    crashed = f"{doing}: the process has died (status {result.status})" if result.status not in (0, TIMED_OUT) else ""
    return OpenCL(
        tuple(Vendor(one["icd"], one["library"], one["error"]) for one in said if "icd" in one),
        tuple((one["platform"], one["devices"]) for one in said if "platform" in one),
        next((one["loader"] for one in said if one.get("loader")), crashed),
        doing if result.status == TIMED_OUT else "",
    )


def judge(found: OpenCL) -> tuple[Problem, ...]:
    """Everything that a person can mend."""
    problems = [_closed(one) for one in found.vendors if one.error]
    if found.stuck:
        problems.append(warning("gpu-hangs", f"OpenCL does not answer: {found.stuck}", _WHY,
                                "on the host: clinfo; look at the vendor's driver"))  # fmt: skip
    elif found.loader and found.vendors:
        cure = "use the image tag 24-cuda-11_8_0-release, which has the loader; images of jobs bring their own"
        problems.append(warning("gpu-opencl-loader", f"the OpenCL loader cannot list the platforms: {found.loader}",
                                "jobs that run directly find no OpenCL platform", cure))  # fmt: skip
    return tuple(problems)


def _closed(one: Vendor) -> Problem:
    cure = "mount the vendor's library too (NVIDIA's runtime does, with NVIDIA_DRIVER_CAPABILITIES=compute,utility), "\
        f"or leave {one.icd} out"  # fmt: skip
    name = one.library or "it names no library"
    return warning("gpu-opencl-library", f"{one.icd}: {name} does not open", _WHY, cure, one.error)


def summary(found: OpenCL) -> str:
    """One line for people."""
    told = [f"{name} ({count} device{'' if count == 1 else 's'})" for name, count in found.platforms]
    names = told or [one.library for one in found.vendors if not one.error]
    return f"OpenCL: {', '.join(names)}" if names else ""
