"""What is wrong with the GPUs, and who has to do what. Nothing here stops a pilot: there are others, and CPUs."""

import dataclasses

from ospool_ep.gpus import grant
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.grant import Granted
from ospool_ep.gpus.present import NVML, Present
from ospool_ep.gpus.rows import CLOSED, ERRNO, LOST, MISMATCH, NO_PERMISSION, NOT_LOADED, UNKNOWN, Row, named
from ospool_ep.gpus.seen import UVM, Device, Seen
from ospool_ep.problem import Problem, shorten, warning

_WHY = "no GPU is offered; jobs that need none run"
_WHY_ONE = "these GPUs are not offered"
_RUNTIME = (
    "docker run --gpus all   (podman: --device nvidia.com/gpu=all; Apptainer: --nv; Kubernetes: "
    "resources.limits nvidia.com/gpu); on the host nvidia-smi must work"
)
_HOST = "on the host: nvidia-smi, and dmesg | grep -i -e nvrm -e xid"
_OWN = "start this container again"
_OPEN = (
    "docker run --group-add $(stat -c %g /dev/nvidia0), or on the host: chmod 0666 /dev/nvidia[0-9]* /dev/nvidiactl "
    "/dev/nvidia-uvm*, and for good: echo options nvidia NVreg_DeviceFileMode=0666 >/etc/modprobe.d/nvidia.conf"
)
_ALLOW = "docker run --gpus all, or --device /dev/nvidia0 --device /dev/nvidiactl --device /dev/nvidia-uvm"
# What is said where it could not be loaded; -1 is ours, for a process that has died.
_NO_LIBRARY = (0, 12, -1)
_CONTROL = "/dev/nvidiactl"
_SHOWN = 5


def judge(
    present: Present, seen: Seen, wanted: str, given: tuple[Granted, ...], table: tuple[Row, ...]
) -> tuple[Problem, ...]:
    """Everything, from the driver as a whole to single GPUs. `wanted`: NVIDIA_VISIBLE_DEVICES."""
    grants = of_grants(given, seen) if seen.devices else ()
    return (*of_driver(present, seen, wanted), *of_rows(table), *grants)


def without(found: Gpus, lost: tuple[Device, ...], id: str, why: str) -> Gpus:
    """These are not offered."""
    table = (Row(row.device, id, why) if row.device in lost else row for row in found.table)
    return dataclasses.replace(found, table=tuple(table))


_CURES = {
    "gpu-lost": f"{_HOST} (Xid 79: it has fallen off the bus); reset it or reboot, then {_OWN}",
    "gpu-nvml-error": f"{_HOST}; then {_OWN}",
    "gpu-device-permission": _OPEN,
    "gpu-device-missing": _RUNTIME,
    "gpu-mig-empty": "on the host: nvidia-smi mig -cgi PROFILE -C, or nvidia-smi -mig 0",
}


def of_rows(table: tuple[Row, ...]) -> tuple[Problem, ...]:
    """One problem of each kind. What was not given to us is nothing to mend."""
    kinds = dict.fromkeys(row.id for row in table if row.id in _CURES)
    return tuple(_together(kind, [row for row in table if row.id == kind]) for kind in kinds)


def _together(kind: str, table: list[Row]) -> Problem:
    found = "; ".join(f"{named(row.device)} {row.why}" for row in table)
    cure = _ALLOW if any(ERRNO["EPERM"] in row.why for row in table) else _CURES[kind]
    return warning(kind, found, _WHY_ONE, cure)


def of_driver(present: Present, seen: Seen, wanted: str) -> tuple[Problem, ...]:
    """The driver as a whole; `wanted`: NVIDIA_VISIBLE_DEVICES, where a person or a runtime has asked for GPUs."""
    if not present.worth_asking:
        # `all` is what the CUDA image says by itself
        meant = grant.asks(wanted) and (present.module or wanted.lower() != "all")
        return (_not_passed(present, wanted),) if meant else ()
    if seen.stuck:
        found = f"the driver does not answer: nothing came back from {seen.stuck}"
        return (warning("gpu-hangs", found, _WHY, f"{_HOST}; a driver that hangs takes a reboot"),)
    nvml = seen.library(NVML)
    if not (nvml.found or nvml.path) and seen.failed in _NO_LIBRARY:
        return (_no_library(present, seen),)
    if seen.failed == NOT_LOADED and present.module and _CONTROL not in dict(seen.nodes):
        return _without_devices(present, seen, wanted)
    if seen.failed:
        return (_failing(seen),)
    return (*_without_devices(present, seen, wanted), *_unlisted(seen))


def _not_passed(present: Present, wanted: str) -> Problem:
    host = "; the host's kernel has the driver loaded" if present.module else ""
    asked = f"{grant.NVIDIA}={shorten(wanted)}"
    found = f"{asked}, but neither a device nor a library of NVIDIA's driver is in this container{host}"
    return warning("gpu-no-driver-library", found, _WHY, _RUNTIME)


def _no_library(present: Present, seen: Seen) -> Problem:
    where = f" (looked at the loader's places and {', '.join(present.directories)})" if present.directories else ""
    nodes = f"{', '.join(present.nodes)}, but" if present.nodes else "only a part of NVIDIA's driver is here:"
    found = f"{nodes} {NVML} cannot be loaded{where}"
    cure = f"{_RUNTIME}; -e NVIDIA_DRIVER_CAPABILITIES=compute,utility"
    return warning("gpu-no-driver-library", found, _WHY, cure, seen.library(NVML).error or seen.words)


_KINDS = {
    NOT_LOADED: ("gpu-driver-not-loaded", f"on the host: modprobe nvidia; nvidia-smi; then {_OWN} with: {_RUNTIME}"),
    MISMATCH: ("gpu-driver-mismatch", "the driver was updated while it ran: on the host, reboot (or unload and load "
                f"its modules); then {_OWN}, so that it gets the new libraries"),
    NO_PERMISSION: ("gpu-device-permission", _OPEN),
    LOST: ("gpu-lost", _CURES["gpu-lost"]),
    UNKNOWN: ("gpu-nvml-error", f"{_OWN} (systemd takes devices away from a container that it did not start, when it "
               f"reloads); if that does not help, {_HOST}"),
}  # fmt: skip


def _failing(seen: Seen) -> Problem:
    closed = dict(seen.nodes).get(_CONTROL, "")
    code = NO_PERMISSION if closed in CLOSED else seen.failed
    id, cure = _KINDS.get(code, ("gpu-nvml-error", _CURES["gpu-nvml-error"]))
    cure = _ALLOW if closed == "EPERM" else cure
    more = f" ({_CONTROL}: {ERRNO[closed]})" if closed in CLOSED else ""
    return warning(id, f"NVML does not start: {seen.words}{more}", _WHY, cure)


def _without_devices(present: Present, seen: Seen, wanted: str) -> tuple[Problem, ...]:
    """A runtime that was told to give none gives the libraries alone."""
    if seen.devices or (wanted and not grant.asks(wanted) and not present.nodes):
        return ()
    nodes = f", though {', '.join(present.nodes)} is here" if present.nodes else ""
    version = f" ({seen.driver})" if seen.driver else ""
    found = f"the driver{version} is here, and lists no GPU{nodes}"
    return (warning("gpu-no-devices", found, _WHY, _RUNTIME),)


def _unlisted(seen: Seen) -> tuple[Problem, ...]:
    """Nodes of GPUs that the driver does not list: it leaves out those that it cannot open, or that are lost."""
    listed = {one.node for one in seen.devices}
    # One that has not said its number may be any of them
    if not seen.devices or any(one.minor is None for one in _whole(seen)):
        return ()
    # What the device cgroup does not allow somebody has decided not to give us
    others = [(node, error) for node, error in seen.nodes
              if node not in (*listed, _CONTROL, UVM) and error != "EPERM"]  # fmt: skip
    kinds = (
        ("gpu-device-permission", [one for one in others if one[1] in CLOSED]),
        ("gpu-lost", [one for one in others if one[1] not in CLOSED]),
    )
    return tuple(warning(kind, _list(those), _WHY_ONE, _CURES[kind]) for kind, those in kinds if those)


def _list(nodes: list[tuple[str, str]]) -> str:
    return "; ".join(
        f"{node} is here, and the driver does not list it" + (f" ({ERRNO.get(error, error)})" if error else "")
        for node, error in nodes
    )


def of_grants(given: tuple[Granted, ...], seen: Seen) -> tuple[Problem, ...]:
    """Entries that name nothing here, and GPUs that are visible without having been given."""
    unknown = tuple(_unknown(one) for one in given if one.unknown)
    left = [one for one in _whole(seen) if any(not _gives(every, one, seen) for every in given)]
    # One mistake is told once
    return unknown or ((_not_given(len(left), given, seen),) if left else ())


def _unknown(one: Granted) -> Problem:
    found = (
        f"{one.grant.variable}={one.grant.text}: {', '.join(one.unknown[:_SHOWN])} is no GPU that this container sees"
    )
    end = (
        "CUDA reads no further than that"
        if one.grant.variable == grant.CUDA
        else "the others that it names are offered"
    )
    cure = f"correct {one.grant.variable}; nvidia-smi -L lists indexes and UUIDs"
    return warning("gpu-grant-unknown", found, end, cure)


def _not_given(count: int, given: tuple[Granted, ...], seen: Seen) -> Problem:
    names = ", ".join(f"{one.grant.variable}={one.grant.text}" for one in given)
    found = f"{count} of {len(_whole(seen))} visible GPUs were not given to this container ({names})"
    why = "they are not offered; jobs that open them by themselves could, for nothing hides them"
    cure = "give this container those alone: docker run --gpus '\"device=0,1\"'"
    return warning("gpu-not-granted", found, why, f"{cure}, without --privileged and without all of /dev")


def _gives(given: Granted, device: Device, seen: Seen) -> bool:
    parts = {one.uuid for one in seen.devices if one.parent == device.uuid}
    return not device.uuid or bool(given.uuids & {device.uuid, *parts})


def _whole(seen: Seen) -> list[Device]:
    return [one for one in seen.devices if not one.parent]
