"""Runs in the registry's container: make three images and push them. Arguments: the http port, then
those that have to listen too.

Prints one JSON object: image name -> digest of its manifest, the same in every run.
"""

import gzip
import hashlib
import io
import json
import socket
import sys
import tarfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

BUSYBOX = Path("/usr/share/ospool-ep/tiny/bin/busybox").read_bytes()
APPLETS = ("sh", "cat", "echo", "env", "false", "id", "ls", "mkdir", "rm", "sleep", "test", "touch", "true", "wget")
PATH = "PATH=/usr/local/bin:/bin"
GREETING = b'#!/bin/sh\necho "entry point of group/entry: $*"\n'
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
READY_S = 10
Layer = tuple[bytes, str]  # gzipped tar, digest of the tar


def main() -> None:
    for port in sys.argv[1:]:
        _wait(int(port))
    images = _images().items()
    print(json.dumps({f"{name}:1": _push(name, layers, config) for name, (layers, config) in images}))


def _images() -> dict[str, tuple[list[Layer], dict[str, object]]]:
    """Repository -> layers and configuration; the last layer of `tiny` replaces a file of the one before."""
    etc = {"etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "etc/group": b"root:x:0:\n", "etc/greeting": b"old\n"}
    busybox = _layer({"bin/busybox": BUSYBOX}, {f"bin/{name}": "busybox" for name in APPLETS})
    shell = [busybox, _layer(etc), _layer({"etc/greeting": b"new\n"})]
    greet = _layer({"opt/entry/bin/greet": GREETING})
    # No /bin/sh, no /etc: one program under the names of the applets it has to be
    alone = _layer({"app/true": BUSYBOX}, {f"app/{name}": "true" for name in ("cat", "echo", "env", "sleep")})
    return {
        "library/tiny": (shell, {"Env": [PATH], "Cmd": ["sh"]}),
        "group/tiny": (shell, {"Env": [PATH], "Cmd": ["sh"]}),
        "group/entry": (
            [*shell, greet],
            {"Env": ["PATH=/opt/entry/bin:/bin", "FROM_IMAGE=yes"], "Entrypoint": ["greet"]},
        ),
        "group/static": ([alone], {"Env": ["PATH=/app"], "Entrypoint": ["/app/true"]}),
    }


def _layer(files: dict[str, bytes], links: dict[str, str] | None = None) -> Layer:
    """Every file may be executed, nothing depends on the clock."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return gzip.compress(tar.getvalue(), compresslevel=1, mtime=0), _digest(tar.getvalue())


def _push(name: str, layers: list[Layer], config: Mapping[str, object]) -> str:
    """Upload NAME:1 and return the digest of its manifest."""
    roots = {"type": "layers", "diff_ids": [diff for _, diff in layers]}
    about = json.dumps({"architecture": "amd64", "os": "linux", "config": config, "rootfs": roots}).encode()
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": _upload(name, CONFIG_TYPE, about)}
    manifest["layers"] = [_upload(name, LAYER_TYPE, blob) for blob, _ in layers]
    text = json.dumps(manifest).encode()
    _request("PUT", f"/v2/{name}/manifests/1", text, MANIFEST_TYPE)
    return _digest(text)


def _upload(name: str, kind: str, blob: bytes) -> dict[str, object]:
    """Upload a blob; returns its descriptor."""
    place = _request("POST", f"/v2/{name}/blobs/uploads/")
    _request("PUT", f"{place}&digest={_digest(blob)}", blob, "application/octet-stream")
    return {"mediaType": kind, "size": len(blob), "digest": _digest(blob)}


def _request(method: str, place: str, body: bytes = b"", kind: str = "") -> str:
    """Ask the registry; returns the answer's Location, if it has one."""
    url = place if "://" in place else f"http://127.0.0.1:{sys.argv[1]}{place}"
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": kind} if kind else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Location"])


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _wait(port: int) -> None:
    """Until somebody listens there; OSError after READY_S."""
    end = time.monotonic() + READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


main()
