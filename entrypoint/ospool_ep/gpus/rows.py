"""The table of GPUs: one row for each that a job could be given, with the reason where it is not offered."""

from dataclasses import dataclass

from ospool_ep.gpus.grant import Granted
from ospool_ep.gpus.seen import Device, Seen

# NVML's codes.
NO_PERMISSION, NOT_LOADED, LOST, RESET, MISMATCH, UNKNOWN = 4, 9, 15, 16, 18, 999
CLOSED = ("EACCES", "EPERM")


@dataclass(frozen=True)
class Row:
    """A GPU, or an instance, and why it is not offered (empty: it is). `id` is the problem's."""

    device: Device
    id: str = ""
    why: str = ""

    @property
    def usable(self) -> bool:
        """Nothing is wrong with it."""
        return not self.id


def rows(seen: Seen, given: tuple[Granted, ...]) -> tuple[Row, ...]:
    """One for each that a job could be given; a GPU that is divided counts only where it has no instances."""
    divided = {one.parent for one in seen.devices if one.parent}
    return tuple(_row(seen, one, given) for one in seen.devices if one.uuid not in divided or one.failed)


def _row(seen: Seen, device: Device, given: tuple[Granted, ...]) -> Row:
    refusing = next((one.grant for one in given if device.uuid not in one.uuids), None)
    node, closed = seen.closed(device)
    if device.failed:
        return Row(device, "gpu-lost" if device.failed in (LOST, RESET, UNKNOWN) else _failed(device.failed),
                   f"NVML: {device.words}")  # fmt: skip
    if refusing is not None:
        return Row(device, "gpu-not-granted", f"not in {refusing.variable}={refusing.text}")
    if device.mig:
        return Row(device, "gpu-mig-empty", "divided (MIG), and has no instance")
    if closed:
        return Row(device, _closed(closed), f"{node}: {ERRNO.get(closed, closed)}")
    return Row(device)


def _failed(code: int) -> str:
    return "gpu-device-permission" if code == NO_PERMISSION else "gpu-nvml-error"


def _closed(error: str) -> str:
    return {"ENOENT": "gpu-device-missing"}.get(error, "gpu-device-permission" if error in CLOSED else "gpu-lost")


ERRNO = {
    "ENOENT": "not in this container",
    "EACCES": "permission denied",
    "EPERM": "the device cgroup does not allow it",
    "EIO": "input/output error",
    "ENXIO": "no such device",
    "ENODEV": "no such device",
}


def named(device: Device) -> str:
    """For people: the name that HTCondor uses, or the number where there is none."""
    return device.id or f"GPU {device.index}"
