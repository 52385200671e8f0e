"""What captures/apptainer/capture.py printed in other containers, as a machine whose Apptainer answers that way."""

import errno
import re
from dataclasses import dataclass, replace
from pathlib import Path

from fakes import CannedMachine, machine, put
from ospool_ep.containers import command, probe, surroundings, verdict
from ospool_ep.machine import Result

DIRECTORY = Path(__file__).parent / "captures/apptainer"
NAMES = tuple(sorted(path.stem for path in DIRECTORY.glob("*.txt")))
# Which of the captured commands the probe's are; the first that is part of the command line counts.
_LINES = (
    ("--version", "version"),
    ("unshare", "pidns-proc"),
    ("-C /usr/share/ospool-ep/tiny.sif", "S"),
    ("-C /usr/share/ospool-ep/tiny", "D"),
    ("--cleanenv /usr/share/ospool-ep/tiny.sif", "s"),
    ("--cleanenv /usr/share/ospool-ep/tiny", "d"),
)
_UNPACKED = re.compile(r"^INFO: +Converting.*$", re.MULTILINE)
_FUSE = {None: "usable", "ENOENT": "missing", "EACCES": "unreadable", "EPERM": "forbidden", "EISDIR": "a directory"}


@dataclass(frozen=True)
class Capture:
    """What could be read (path to text) and what not (path, errno), the commands' results, what open said of fuse."""

    what: str
    files: dict[str, str]
    unreadable: tuple[tuple[str, int], ...]
    results: dict[str, Result]
    fuse: str

    def lay(self, root: Path) -> CannedMachine:
        """The container that it was captured in."""
        for path, text in self.files.items():
            put(root, path, text)
        (root / "pilot").mkdir(exist_ok=True)
        put(root, command.BINARY, "")
        answers = tuple((part, self._answer(name)) for part, name in _LINES)
        return machine(root, unreadable=self.unreadable, answers=answers)

    def look(self, root: Path) -> tuple[verdict.Ability, tuple]:
        """As examine.py does it; how /dev/fuse answers cannot be laid down in files."""
        laid = self.lay(root)
        around = replace(surroundings.look(laid), fuse=self.fuse)
        return verdict.judge(probe.run(laid, "/pilot", (), pid_namespaces=True), around)

    def _answer(self, name: str) -> Result:
        """As the probe would see it: it runs a program of its own, and a .sif without -s."""
        found, own = self.results[name], self.results["own-program"]
        if found.status == probe.EXPECTED != own.status:
            found = replace(own, stderr=own.stderr.replace("/srv/busybox", "/srv/run"))
        said = _UNPACKED.findall(self.results["s-verbose"].stderr) if name in "Ss" else []
        return replace(found, stderr="\n".join((*said, found.stderr)))


def load(name: str) -> Capture:
    header, *sections = f"\n{(DIRECTORY / f'{name}.txt').read_text()}".split("\n== ")
    bodies = {title: body for title, _, body in (section.partition("\n") for section in sections)}
    paths = [title for title in bodies if title.startswith("/")]
    return Capture(
        what=header.strip().splitlines()[0].removeprefix("# what: "),
        files={path: f"{bodies[path].rstrip()}\n" for path in paths if " !" not in path},
        unreadable=tuple(_unreadable(path) for path in paths if " !" in path),
        results=dict(_result(title, body) for title, body in bodies.items() if " exit=" in title),
        fuse=_fuse(bodies["stat /dev/fuse"]),
    )


def _unreadable(title: str) -> tuple[str, int]:
    path, _, name = title.rpartition(" !")
    return path, getattr(errno, name)


def _fuse(text: str) -> str:
    failure = re.search(r"(?:open|stat)=!(\w+)", text)
    return _FUSE[failure and failure[1]]


def _result(title: str, body: str) -> tuple[str, Result]:
    name, status = re.fullmatch(r"(\S+) exit=(-?\d+) .*", title).groups()
    out, err = (re.findall(rf"^{mark}\| (.*)$", body, re.MULTILINE) for mark in (1, 2))
    return name, Result(int(status), "".join(f"{line}\n" for line in out), "".join(f"{line}\n" for line in err))
