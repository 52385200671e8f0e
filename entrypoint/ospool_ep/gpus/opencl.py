"""OpenCL: the vendors in /etc/OpenCL/vendors, and whether their libraries open. Nothing of it is offered by itself."""

from dataclasses import dataclass
from pathlib import Path

from ospool_ep.gpus import look_opencl
from ospool_ep.gpus.seen import told
from ospool_ep.machine import TIMED_OUT, Machine, Result
from ospool_ep.problem import Problem, shorten, warning

_PROGRAM = Path(look_opencl.__file__)
_TIMEOUT_S = 10.0
_ICD = ".icd"
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
    died = f"{shorten(doing)}: the process has died (status {result.status})" if _died(result) else ""
    vendors = [Vendor(one["icd"], one["library"], one["error"]) for one in said if "icd" in one]
    guilty = [Vendor(doing, "", died)] if died and doing.endswith(_ICD) else []
    return OpenCL(
        (*vendors, *guilty),
        tuple((one["platform"], one["devices"]) for one in said if "platform" in one),
        next((one["loader"] for one in said if one.get("loader")), "" if guilty else died),
        doing if result.status == TIMED_OUT else "",
    )


def _died(result: Result) -> bool:
    return result.status not in (0, TIMED_OUT)


def judge(found: OpenCL) -> tuple[Problem, ...]:
    """Everything that a person can mend."""
    problems = [_closed(one) for one in found.vendors if one.error]
    if found.stuck:
        cure = "on the host: clinfo; look at the vendor's driver, or leave its file out of /etc/OpenCL/vendors"
        why = "OpenCL programs in jobs that ask for GPUs will hang as well"
        problems.append(warning("gpu-hangs", f"OpenCL does not answer: {shorten(found.stuck)}", why, cure))
    elif found.loader:
        cure = "on the host: clinfo; look at the vendor's driver"
        problems.append(warning("gpu-opencl-loader", f"libOpenCL.so.1 lists no platform: {found.loader}",
                                "jobs that run directly find no OpenCL platform", cure))  # fmt: skip
    return tuple(problems)


def _closed(one: Vendor) -> Problem:
    cure = ("mount the vendor's library too (NVIDIA's runtime does, with NVIDIA_DRIVER_CAPABILITIES=compute,utility), "
            f"or leave {one.icd} out")  # fmt: skip
    what = f"its library {shorten(one.library)} does not open" if one.library else "it names no library that opens"
    return warning("gpu-opencl-library", f"{shorten(one.icd)}: {what}", _WHY, cure, one.error)


def summary(found: OpenCL) -> str:
    """One line for people."""
    told = [f"{name} ({count} device{'' if count == 1 else 's'})" for name, count in found.platforms]
    names = told or [shorten(one.library) for one in found.vendors if not one.error]
    return f"OpenCL: {', '.join(names)}" if names else ""
