"""Seccomp profiles: the engine's default and, made from it, the two that let a pilot start job containers."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from poolbox import image

DIRECTORY = image.REPO / "image/seccomp"
FILES = DEFAULT, OURS, FLAT = "default.json", "ospool-ep.json", "ospool-ep-flat.json"
# What Apptainer needs to start a job's container without setuid and without a PID namespace.
CALLS = ("mount", "pivot_root", "setns", "umount2", "unshare")

# The flat profile is for these architectures (a filter lets in all of them, whichever the machine has) and for a
# container with the engines' usual capabilities, of which the default profile asks for this one only.
ARCHITECTURES = {"amd64": "X86_64", "x86": "X86", "x32": "X32", "arm64": "AARCH64", "arm": "ARM"}
CAPABILITIES = {"CAP_SYS_CHROOT"}

# The runtime specification's fields; the others are docker's own
_SPEC = ("names", "action", "errnoRet", "args")
_NOBODY: dict[str, list[str]] = {"caps": [], "arches": []}

LIMIT = 1_000_000  # bytes of a profile; those of 2026 have 14 000

Profile = dict[str, Any]


class ProfileError(Exception):
    """The text is no default profile; the message goes on after its name."""


class WriteError(Exception):
    """The files cannot be written; the message is a sentence."""


def parse(text: bytes) -> Profile:
    """A default profile in docker's JSON form; raises ProfileError."""
    if len(text) > LIMIT:
        raise ProfileError(f"is longer than {LIMIT} bytes")
    if not text.strip():
        raise ProfileError("is empty")
    try:
        profile: Profile = json.loads(text.decode("utf-8-sig"), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ProfileError(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except (RecursionError, ValueError) as error:
        raise ProfileError(f"is not JSON: {error}") from None
    wrong = _wrong_profile(profile)
    if wrong:
        raise ProfileError(f"is not a default seccomp profile in docker's form: {wrong}")
    if set(CALLS) <= allowed(profile):
        raise ProfileError(f"already allows {', '.join(CALLS)}: nothing to add (or is it {OURS}, not the default?)")
    return profile


def allowed(profile: Profile) -> set[str]:
    """System calls that the profile allows to everybody, with any arguments."""
    conditions = ("args", "includes", "excludes")
    sections = [part for part in profile["syscalls"] if not any(part.get(name) for name in conditions)]
    return {name for part in sections if part["action"] == "SCMP_ACT_ALLOW" for name in part["names"]}


def ours(profile: Profile) -> Profile:
    """The default profile and one more section, at its end: what Apptainer needs and the default does not allow."""
    made = copy.deepcopy(profile)
    names = [name for name in CALLS if name not in allowed(profile)]
    made["syscalls"].append({"names": names, "action": "SCMP_ACT_ALLOW"})
    return made


def flat(profile: Profile) -> Profile:
    """The same filter without conditions, in the runtime specification's form: all that containerd understands."""
    head: Profile = {name: profile[name] for name in ("defaultAction", "defaultErrnoRet") if name in profile}
    sections = [part for part in profile["syscalls"] if _applies(part)]
    made = [{name: part[name] for name in _SPEC if name in part} for part in sections]
    return {**head, "architectures": [f"SCMP_ARCH_{name}" for name in ARCHITECTURES.values()], "syscalls": made}


def texts(profile: Profile) -> dict[str, str]:
    """Name and text of every file that is made from a default profile."""
    made = ours(profile)
    files = {DEFAULT: profile, OURS: made, FLAT: flat(made)}
    return {name: json.dumps(value, indent="\t", ensure_ascii=False) + "\n" for name, value in files.items()}


def write(directory: Path, files: dict[str, str]) -> list[str]:
    """Write what is not yet so; returns the names of the files that changed. Raises WriteError."""
    try:
        return [name for name, text in files.items() if _write(directory / name, text.encode())]
    except OSError as error:
        raise WriteError(f"cannot write into {directory}: {error.strerror}") from None


def _applies(part: dict[str, Any]) -> bool:
    """Whether the section counts for our architectures and capabilities; kernels older than any minKernel are gone."""
    wanted, unwanted = ({**_NOBODY, **(part.get(name) or {})} for name in ("includes", "excludes"))
    if set(wanted["caps"]) - CAPABILITIES or set(unwanted["caps"]) & CAPABILITIES:
        return False
    arches = set(ARCHITECTURES)
    return not arches & set(unwanted["arches"]) and (not wanted["arches"] or bool(arches & set(wanted["arches"])))


def _wrong_profile(profile: object) -> str:
    """What keeps it from being a default profile; empty when nothing does."""
    if not isinstance(profile, dict):
        return f"it is a JSON {type(profile).__name__}, not an object"
    if not isinstance(profile.get("defaultAction"), str):
        return "it has no defaultAction"
    if profile["defaultAction"] in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG"):
        return f"its defaultAction is {profile['defaultAction']}, which forbids nothing"
    if not isinstance(profile.get("archMap"), list):
        return "it has no archMap (the runtime specification's form has architectures instead)"
    if not isinstance(profile.get("syscalls"), list) or not profile["syscalls"]:
        return "it has no list of syscalls"
    wrong = (_wrong_section(part) for part in profile["syscalls"])
    return next((f"section {number} of syscalls {said}" for number, said in enumerate(wrong, 1) if said), "")


def _wrong_section(part: object) -> str:
    if not isinstance(part, dict):
        return "is not an object"
    if not part.get("names") or not _are_names(part["names"]):
        return "has no list of names"
    if not isinstance(part.get("action"), str):
        return "has no action"
    for name in ("includes", "excludes"):
        filter = part.get(name) or {}
        if not isinstance(filter, dict) or not all(_are_names(filter.get(key, [])) for key in _NOBODY):
            return f"has {name} that are not lists of names"
    return ""


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} in it")


def _write(path: Path, text: bytes) -> bool:
    """Whether there was something to write."""
    if path.exists() and path.read_bytes() == text:
        return False
    path.write_bytes(text)
    path.chmod(0o644)
    return True
