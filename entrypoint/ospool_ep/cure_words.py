"""Docker's options in the words of other runtimes: one table. What has no honest counterpart there is not in it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ospool_ep.runtime import APPTAINER, DOCKER, KUBERNETES, PODMAN

# Beside the four engines: what is asked of Slurm, and of our service package.
SLURM, SERVICE = "Slurm", "service"
Say = Callable[[re.Match[str]], str | None]


@dataclass(frozen=True)
class Option:
    """`key`: letters that are in every such option (cheaper than the pattern). `words`: for each runtime a template of
    the pattern's groups, or a function of the match (None: nothing fits); a runtime without one has no counterpart.
    """

    key: str
    pattern: str
    words: dict[str, str | Say]

    def said(self, match: re.Match[str], runtime: str) -> str | None:
        """In this runtime's words."""
        words = self.words.get(runtime)
        return match.expand(words) if isinstance(words, str) else words(match) if words else None


_END = r"(?=[,;)]?(?:\s|$))"


def _env(match: re.Match[str]) -> str:
    return f"env: [{{name: {match['name']}, value: {json.dumps(_bare(match['value']), ensure_ascii=False)}}}]"


def _env_file(match: re.Match[str]) -> str:
    """systemd's files: no shell reads them."""
    return f"{match['name']}={_bare(match['value'])} in /etc/osg/ospool-ep.cfg"


def _env_apptainer(match: re.Match[str]) -> str:
    """Apptainer's option takes a list of variables with commas between them."""
    option = "export APPTAINERENV_" if "," in match["value"] else "--env "
    return f"{option}{match['name']}={match['value']}"


def _bare(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _mount(match: re.Match[str]) -> str:
    mode = {"ro": ", readOnly: true", "shared": ", mountPropagation: HostToContainer"}.get(match["mode"] or "", "")
    return f"volumeMounts: [{{name: VOLUME, mountPath: {match['place']}{mode}}}]"


def _bind(match: re.Match[str]) -> str | None:
    """A mount that comes later on the host does not appear in Apptainer's."""
    if match["mode"] in ("shared", "rslave", "rshared"):
        return None
    return f"--bind {match['source']}:{match['place']}{':ro' if match['mode'] == 'ro' else ''}"


def _of_service(match: re.Match[str]) -> str | None:
    """What the service package mounts by itself has a variable."""
    known = {"/pilot": "WORKER_TEMP_DIR={}", "/cvmfs": "BIND_MOUNT_CVMFS=true"}.get(match["place"])
    token = "TOKEN_LOCATION={}" if match["place"].startswith("/etc/condor/tokens") else None
    text = known or token
    return text and f"{text.format(match['source'])} in /etc/osg/ospool-ep.cfg"


def _gpus(match: re.Match[str]) -> str:
    return " ".join(f"--device nvidia.com/gpu={one}" for one in match["those"].split(","))


_FUSE_K8S = "a device plugin that grants /dev/fuse"
_SECURITY = r"--security-opt[ =]"
TABLE = (
    Option("-e ", rf"-e (?P<name>[A-Z][A-Za-z0-9_]*)=(?P<value>\"[^\"]*\"|'[^']*'|\S*?){_END}",
           {KUBERNETES: _env, APPTAINER: _env_apptainer, SERVICE: _env_file}),
    Option("-v ", rf"-v (?P<source>[^\s:]+):(?P<place>/[^\s:,;)]*)(?::(?P<mode>[a-z]+))?{_END}",
           {KUBERNETES: _mount, APPTAINER: _bind, SERVICE: _of_service}),
    Option("--device", r"--device[ =]/dev/fuse", {KUBERNETES: _FUSE_K8S, APPTAINER: "--bind /dev/fuse"}),
    Option("--gpus", rf"--gpus[ =]all{_END}",
           {PODMAN: "--device nvidia.com/gpu=all", APPTAINER: "--nv", SERVICE: "PROVIDE_NVIDIA_GPU=true in "
            "/etc/osg/ospool-ep.cfg", KUBERNETES: "resources: {limits: {nvidia.com/gpu: 1}}"}),
    Option("--gpus", r"--gpus '\"device=(?P<those>[^\"]+)\"'", {PODMAN: _gpus}),
    Option("--cpus", r"--cpus[ =]([0-9.]+)", {KUBERNETES: r'resources: {limits: {cpu: "\1"}}',
                                              SLURM: r"sbatch --cpus-per-task=\1"}),
    Option("--memory", r"--memory[ =]([0-9]+)m", {KUBERNETES: r"resources: {limits: {memory: \1Mi}}",
                                                  SLURM: r"sbatch --mem=\1M"}),
    Option("--pids", r"--pids-limit[ =]([0-9]+)", {KUBERNETES: r"podPidsLimit of the kubelet, \1"}),
    Option("--shm", r"--shm-size[ =]([0-9]+)m",
           {KUBERNETES: r"a volume at /dev/shm: emptyDir: {medium: Memory, sizeLimit: \1Mi}"}),
    Option("--ulimit", r"--ulimit nofile=([0-9]+):[0-9]+",
           {KUBERNETES: r"LimitNOFILE of the container runtime's service, \1", APPTAINER: r"before it: ulimit -n \1",
            SLURM: r"in the batch script: ulimit -n \1"}),
    Option("--group", r"--group-add[ =]([0-9]+)", {KUBERNETES: r"securityContext.supplementalGroups: [\1]"}),
    Option("--user", r"--user[ =]([0-9]+)", {KUBERNETES: r"securityContext.runAsUser: \1"}),
    Option("seccomp=u", rf"{_SECURITY}seccomp=unconfined",
           {KUBERNETES: "securityContext.seccompProfile.type: Unconfined"}),
    Option("seccomp=", rf"{_SECURITY}seccomp=\S*ospool-ep\.json",
           {KUBERNETES: "securityContext.seccompProfile: {type: Localhost, localhostProfile: ospool-ep-flat.json}"}),
    Option("apparmor=", rf"{_SECURITY}apparmor=unconfined",
           {KUBERNETES: "securityContext.appArmorProfile.type: Unconfined"}),
    Option("systempaths=", rf"{_SECURITY}systempaths=unconfined",
           {PODMAN: "--security-opt unmask=ALL", KUBERNETES: "securityContext.procMount: Unmasked"}),
    Option("writable-cgroups", rf"{_SECURITY}writable-cgroups=true",
           {PODMAN: "--runtime runc --security-opt unmask=ALL"}),
    Option("no-new", rf"{_SECURITY}no-new-privileges", {KUBERNETES: "securityContext.allowPrivilegeEscalation: false"}),
    Option("--read-only", r"--read-only(?: --tmpfs \S+)*",
           {KUBERNETES: "securityContext.readOnlyRootFilesystem: true, with emptyDir volumes at /tmp, /run, /var/tmp"}),
)  # fmt: skip
# What is left of these has no counterpart: then the line stays as it is. podman takes them all but the last ones.
_NAMES = (
    "gpus security-opt device cpus memory pids-limit cpuset-cpus shm-size ulimit group-add user cgroupns read-only "
    "cap-add cap-drop privileged env-file init tmpfs entrypoint rm"
)
_LEFT = rf"(?<![\w-])(?:--(?:{_NAMES.replace(' ', '|')})(?![\w-])|-e [A-Z]\w*=|-v \S+:)"
_LEFT_OF_PODMANS = rf"--gpus|{_SECURITY}(?:systempaths|writable-cgroups)="
_FRONTS = {DOCKER: "docker run ", PODMAN: "podman run ", APPTAINER: "apptainer run ", KUBERNETES: ""}


def translated(text: str, names: tuple[str, ...]) -> str | None:
    """A line of docker's words in those of a runtime; None where something in it has no counterpart there.

    `names`: of the engine, and of Slurm or the service, in the order in which they are to be asked.
    """
    found = _options(text, names)
    if DOCKER not in names and re.search(_LEFT_OF_PODMANS if PODMAN in names else _LEFT, found):
        return None
    front = next((_FRONTS[name] for name in names if name in _FRONTS), "docker run ")
    if found == text and not front and "docker run" in text:
        return None
    # What asks others than the engine has no place in its command
    return re.sub(r"docker run (?=[A-Za-z])", "", found).replace("docker run ", front)


def _options(text: str, names: tuple[str, ...]) -> str:
    for option in TABLE:
        if option.key in text:
            text = re.sub(rf"(?<![\w-]){option.pattern}", partial(_said, option, names), text)
    return text


def _said(option: Option, names: tuple[str, ...], match: re.Match[str]) -> str:
    said = (option.said(match, name) for name in names)
    return next((one for one in said if one), match[0])
