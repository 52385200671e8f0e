"""Registries of images: their names, and the mirror of Docker Hub."""

import re

DOCKER_HUB = "registry-1.docker.io"
# All names of Docker Hub. The second is what docker itself calls it.
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
_MIRROR = re.compile(r"(?P<scheme>https?://)?(?P<place>(?!-)[A-Za-z0-9.-]+(:(?P<port>[0-9]{1,5}))?(/[a-z0-9._-]+)*)/?")
# As START asks for it too: what Python and PCRE both understand.
SCHEME = re.compile(r"(docker|oras|library|shub|https?)://")


def address(mirror: str) -> tuple[str, bool]:
    """APPTAINER_REGISTRY_MIRROR as host[:port][/path], and whether it speaks plain http. ValueError for a person."""
    match = _MIRROR.fullmatch(mirror)
    if mirror and (not match or int(match["port"] or 1) > 65535):
        raise ValueError("is not the address of a registry (mirror.example.org:5000, or http://... without TLS)")
    return (match["place"], match["scheme"] == "http://") if match else ("", False)


def mirrored(image: str, mirror: str) -> str:
    """An image of Docker Hub's as `mirror` (host[:port][/path]) has it; every other image as it is."""
    if not mirror or not image.startswith("docker://"):
        return image
    host, name = _parts(image)
    if host != DOCKER_HUB:
        return image
    return f"docker://{mirror}/{name if '/' in name else f'library/{name}'}"


def host_of(image: str) -> str:
    """The registry that a docker:// image comes from."""
    return _parts(image)[0]


def _parts(image: str) -> tuple[str, str]:
    """The registry of a docker:// image and the rest of the name; the rule is that of docker's own names."""
    whole = image.removeprefix("docker://")
    host, _, path = whole.partition("/")
    if path and host in _HUB:
        return DOCKER_HUB, path
    if path and (host == "localhost" or re.search(r"[.:]", host)):
        return host, path
    return DOCKER_HUB, whole
