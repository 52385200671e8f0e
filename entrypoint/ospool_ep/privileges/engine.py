"""What else the engine gives or takes: cgroups, devices, system calls, AppArmor, capabilities, the root directory."""

from ospool_ep.privileges.facts import Facts, names
from ospool_ep.privileges.row import APPARMOR, NO, NO_NEW_PRIVILEGES, PARTLY, SECCOMP, UNKNOWN, YES, Row, first, options
from ospool_ep.runtime import DOCKER, PODMAN

_CGROUPS, _DEVICES, _CALLS = ("cgroups", "cgroups for jobs"), ("devices", "GPUs"), ("seccomp", "all system calls")
_APPARMOR, _CAPABILITIES = ("apparmor", "free of AppArmor"), ("capabilities", "capabilities")
_NO_NEW, _ROOT = ("no-new-privileges", "no new privileges"), ("read-only-root", "read-only root")
_WRITABLE = "--security-opt writable-cgroups=true"
_READ_ONLY = "--read-only --tmpfs /tmp:exec,mode=1777 --tmpfs /run:exec,mode=1777 --tmpfs /var/tmp:exec,mode=1777"
_HOW = {
    DOCKER: "it takes docker 28 with its systemd cgroup driver",
    PODMAN: "it takes podman as root with its systemd cgroup manager",
}
_MEASURED = "jobs are measured every few seconds instead of being kept within their memory by the kernel"


def rows(facts: Facts) -> tuple[Row, ...]:
    """From what matters to jobs to what protects the host."""
    makers = (_cgroups, _devices, _system_calls, _apparmor, _capabilities, _no_new_privileges, _root)
    return tuple(maker(facts) for maker in makers)


def _cgroups(facts: Facts) -> Row:
    why = facts.delegation.why_not
    if facts.delegation.directory:
        return Row(*_CGROUPS, YES)
    if why == "cgroup version 1":
        return Row(*_CGROUPS, NO, why, _MEASURED, "host: cgroup version 2 (systemd.unified_cgroup_hierarchy=1)")
    how = _HOW.get(facts.runtime.engine, "")
    found = "; ".join(filter(None, (why, how)))
    return Row(*_CGROUPS, NO, found, _MEASURED, options(facts, _WRITABLE) if how else "")


def _devices(facts: Facts) -> Row:
    offered, seen = len(facts.gpus.offered), len(facts.gpus.table)
    if seen and offered == seen:
        return Row(*_DEVICES, YES, facts.gpus_text)
    cure = first(facts.gpu_problems[0].cure, facts) if facts.gpu_problems else ""
    if offered:
        return Row(*_DEVICES, PARTLY, facts.gpus_text, "the others are not offered", cure)
    there = seen or facts.gpus.note or facts.gpu_problems
    flag = cure or options(facts, "--gpus all") if there else ""
    found = facts.gpus_text or ("" if there else "none here")
    return Row(*_DEVICES, NO, found, "GPU jobs do not match", flag)


def _system_calls(facts: Facts) -> Row:
    mode = facts.status.seccomp
    if mode is None:
        return Row(*_CALLS, UNKNOWN, "this kernel does not say")
    if mode == 0:
        return Row(*_CALLS, YES)
    costs = "a few kinds of programs fail in jobs (io_uring, NUMA placement, sandboxes: docs/privileges.md)"
    state = PARTLY if facts.containers else NO
    return Row(*_CALLS, state, "a seccomp profile", costs, options(facts, SECCOMP))


def _apparmor(facts: Facts) -> Row:
    profile = facts.apparmor
    if not profile.endswith("(enforce)") or profile.startswith("unconfined"):
        return Row(*_APPARMOR, YES, profile)
    costs = "nothing seen: containers run" if facts.containers else "it may forbid what job containers need"
    return Row(*_APPARMOR, PARTLY if facts.containers else NO, profile, costs, options(facts, APPARMOR))


def _capabilities(facts: Facts) -> Row:
    effective, bounding = facts.status.effective, facts.status.bounding
    if facts.nested or effective is None or bounding is None:
        return Row(*_CAPABILITIES, UNKNOWN, "not seen from within cvmfsexec's namespaces" if facts.nested else "")
    found = f"effective: {_list(effective)}; bounding: {_list(bounding)}"
    if "SYS_ADMIN" in names(effective):
        return Row(*_CAPABILITIES, YES, found)
    if effective:
        return Row(*_CAPABILITIES, PARTLY, found, "nothing: more are of no use")
    return Row(*_CAPABILITIES, NO, found, "nothing: neither the pilot nor a job needs one")


def _list(mask: int) -> str:
    if not mask:
        return "none"
    known = names(mask)
    others = mask.bit_count() - len(known)
    return " ".join((*known, f"and {others} more")) if known and others else " ".join(known) or f"{others}"


def _no_new_privileges(facts: Facts) -> Row:
    given = facts.status.no_new_privileges
    if given is None:
        return Row(*_NO_NEW, UNKNOWN, "this kernel does not say")
    if given:
        return Row(*_NO_NEW, YES)
    costs = "no job; a setuid program could give one the capabilities of the bounding set"
    return Row(*_NO_NEW, NO, "", costs, options(facts, NO_NEW_PRIVILEGES))


def _root(facts: Facts) -> Row:
    if facts.read_only:
        return Row(*_ROOT, YES)
    costs = "no job; one that runs directly can leave files in this container (it takes a volume at /pilot)"
    return Row(*_ROOT, NO, "", costs, options(facts, _READ_ONLY))
