"""How this host reaches its package mirrors, as files that the image build uses and leaves in no layer."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BUILD_CA = "/setup/host/ca.pem"  # where the build stages see `ca`
CA_BUNDLES = ("etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem")
PROXY_NAMES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
# Options that say how a mirror is reached; not those that name commands or files of this host
APT_OPTION = re.compile(
    r"Acquire::(https?::(?!Proxy-Auto|CAInfo|CAPath|Ssl|.*\d::CA)|ftp::|Check-|Max-ValidTime|Min-ValidTime|Retries|Force)",
    re.IGNORECASE,
)
RELEASE_URI = re.compile(r"^'(\S+?)/dists/(\S+)/InRelease' ", re.MULTILINE)
PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")


@dataclass(frozen=True)
class HostConfig:
    """Texts of the files in image/setup/host; empty where the host has nothing to say."""

    apt_conf: str
    sources: str
    pip_conf: str
    ca: str

    def write(self, directory: Path) -> None:
        """Write the files that have something to say; without sources.list the base image's own sources serve."""
        directory.mkdir(parents=True)
        files = {
            "apt.conf": self.apt_conf,
            "sources.list": self.sources,
            "pip.conf": self.pip_conf,
            "ca.pem": self.ca,
        }
        for name, text in files.items():
            if text:
                (directory / name).write_text(text)


def read(suite: str) -> HostConfig:
    """What this host's apt, pip and CA bundle say, for a build whose base is Debian `suite`."""
    ca = _ca()
    return HostConfig(
        apt_conf=apt_conf(_output("apt-config", "dump"), bool(ca)),
        sources=sources(_targets(), _os_release(), suite),
        pip_conf=pip_conf(_pip_settings(), bool(ca)),
        ca=ca,
    )


def proxies() -> dict[str, str]:
    """The host's proxy variables under the names they have (engines predefine them: they stay out of history)."""
    wanted = {*PROXY_NAMES, *(name.upper() for name in PROXY_NAMES)}
    return {name: os.environ[name] for name in sorted(wanted) if os.environ.get(name)}


def apt_conf(dump: str, has_ca: bool) -> str:
    """The lines of `apt-config dump` that say how to reach a mirror, and the CA file."""
    lines = [line for line in dump.splitlines() if APT_OPTION.match(line) and not line.endswith(' "";')]
    if has_ca:
        lines.append(f'Acquire::https::CAInfo "{BUILD_CA}";')
    return "".join(f"{line}\n" for line in lines)


def sources(targets: list[tuple[str, str]], codename: str, suite: str) -> str:
    """sources.list lines for `suite` on the mirror that serves this Debian host; empty on other hosts.

    `targets` are (URI, suite) of what the host's apt would update from.
    """
    own = _mirror(targets, {codename, "stable", "testing", "unstable", "sid"} if codename else set())
    if own is None:
        return ""
    lines = [f"deb {own} {suite} main\n"]
    security = _mirror(targets, {f"{codename}-security", "stable-security", "testing-security"})
    if security is not None:
        lines.append(f"deb {security} {suite}-security main\n")
    return "".join(lines)


def pip_conf(settings: dict[str, str], has_ca: bool) -> str:
    """A pip.conf for the build; file: indexes are dropped, the build cannot see them."""
    lines = ["[global]", "disable-pip-version-check = true"]
    for key in PIP_KEYS:
        values = [word for word in settings.get(key, "").split() if not word.startswith("file:")]
        if values:
            lines.append(f"{key} = {' '.join(values)}")
    if has_ca:
        lines.append(f"cert = {BUILD_CA}")
    return "".join(f"{line}\n" for line in lines)


def _mirror(targets: list[tuple[str, str]], releases: set[str]) -> str | None:
    """The first URI for one of the releases; third parties name their suites after Debian's, so paths count."""
    uris = [uri for uri, release in targets if release in releases]
    return next(
        (uri for uri in uris if uri.rstrip("/").endswith(("/debian", "/debian-security"))),
        uris[0] if uris else None,
    )


def _targets() -> list[tuple[str, str]]:
    """Works without downloaded lists, which `apt-get indextargets` would need."""
    return RELEASE_URI.findall(_output("apt-get", "update", "--print-uris"))


def _os_release() -> str:
    """The codename where this is Debian itself, else an empty string."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return ""
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"') if values.get("ID") == "debian" else ""


def _pip_settings() -> dict[str, str]:
    home = Path.home()
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(files)
    except (configparser.Error, UnicodeDecodeError):
        parser.clear()  # the host's pip would fail with it too; the defaults may serve
    settings = dict(parser["global"]) if parser.has_section("global") else {}
    for key in PIP_KEYS:
        settings[key] = os.environ.get(f"PIP_{key.replace('-', '_').upper()}") or settings.get(key, "")
    return settings


def _ca() -> str:
    named = [os.environ[name] for name in ("SSL_CERT_FILE", "PIP_CERT") if os.environ.get(name)]
    for path in [*named, *(f"/{name}" for name in CA_BUNDLES)]:
        if Path(path).is_file():
            return Path(path).read_text(errors="replace")
    return ""


def _output(*command: str) -> str:
    """What a command prints; nothing where the host does not have it."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30).stdout
