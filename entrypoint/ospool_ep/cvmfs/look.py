"""Started as a program, in a process that may be left behind: ask repositories, one line of JSON for each.

    python3 -I -S look.py PATIENCE_S LOCKS ROOT READ NAME...

A dead CVMFS holds whoever touches it. Each repository is asked in a thread of its own, under a lock that lasts as
long as the thread: while an earlier question hangs there is no second one. READ is `read` where a file of each must be
read, `list` otherwise.
"""

import _thread
import errno
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator

STUCK = "STUCK"
# There was no thread for it.
UNASKED = "UNASKED"
# A mount point of which the mount is missing: no repository is empty.
EMPTY = "EMPTY"
# A file was to be read, none was found, and the client has not told its revision either.
UNREAD = "UNREAD"
_XATTRS = ("revision", "nioerr", "timestamp_last_ioerr")
# Enough to find a file in any repository, and few enough not to fetch its catalogues.
_DIRECTORIES = 24
_ENTRIES = 400
_SMALL = 1 << 16
_POLL_S = 0.02
# To say so before the end.
_MARGIN_S = 0.2

_Places = tuple[str, str]  # locks and repositories
_Question = tuple[_Places, str, bool, float, _thread.LockType]
_Listing = tuple[list[tuple[int, str]], list[str]]


def main(arguments: list[str]) -> None:
    patience, locks, root, mode, *names = arguments
    end = time.monotonic() + float(patience)
    done = []
    for name in names:
        finished = _thread.allocate_lock()
        finished.acquire()
        question = ((locks, root), name, mode == "read", end, finished)
        if not _started(question, end):
            _tell({"name": name, "error": UNASKED})
            continue
        done.append(finished)
    for finished in done:
        finished.acquire(timeout=max(0.0, end - time.monotonic()))
    os._exit(0)


def _started(question: _Question, end: float) -> bool:
    """Where there are no more threads to be had (a job that forks up to the limit) wait for one to end."""
    while True:
        try:
            _thread.start_new_thread(_answer, question)
        except RuntimeError:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
        else:
            return True


def _answer(places: _Places, name: str, read: bool, end: float, finished: _thread.LockType) -> None:
    locks, root = places
    said: dict[str, object] = {"name": name}
    lock = _lock(locks, name, end)
    try:
        if lock is None:
            said["error"] = STUCK
        else:
            first = _listed(f"{root}/{name}")
            said["numbers"] = numbers = _xattrs(f"{root}/{name}")
            said["file"] = _read(f"{root}/{name}", first) if read else ""
            said["error"] = _missing(first, read, numbers, said["file"])
    except OSError as error:
        said["error"] = errno.errorcode.get(error.errno or 0, str(error.errno))
    finally:
        _tell(said)
        if lock:
            os.close(lock)
        finished.release()


def _missing(first: _Listing, read: bool, numbers: dict[str, int], file: object) -> str:
    """What is no error of the kernel's. A repository may have no file near its root: then its client's word counts."""
    if not (numbers or any(first)):
        return EMPTY
    return UNREAD if read and not file and "revision" not in numbers else ""


def _tell(said: dict[str, object]) -> None:
    os.write(1, f"{json.dumps({'file': '', 'numbers': {}} | said)}\n".encode())


def _lock(locks: str, name: str, end: float) -> int | None:
    """None where an earlier question does not come back; who waits for one that is only slow asks nothing meanwhile.

    0 where there can be no lock (a full disk): a second question is the lesser evil.
    """
    try:
        descriptor = os.open(f"{locks}/{name}", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return 0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end - _MARGIN_S:
                os.close(descriptor)
                return None
            time.sleep(_POLL_S)
        except OSError:  # a file system without locks
            os.close(descriptor)
            return 0
        else:
            return descriptor


def _read(path: str, first: _Listing) -> str:
    """Read a file, and say which: the kernel may still list a repository that is dead. Empty where none was found.

    The directories take turns, each with its next one below: some repositories are wide, others deep.
    """
    files, below = first
    place, turns = path, [(path, iter(below))]
    for _ in range(_DIRECTORIES):
        for _, name in sorted(files)[:1]:
            with open(f"{place}/{name}", "rb") as file:  # noqa: PTH123 - pathlib takes longer than the question
                file.read(1)
            return f"{place}/{name}"[len(path) + 1 :]
        place = _next(turns)
        if not place:
            break
        files, below = _listed(place)
        turns.append((place, iter(below)))
    return ""


def _next(turns: list[tuple[str, Iterator[str]]]) -> str:
    """The directory whose turn it is, and which comes last from now on; empty where all have been seen."""
    while turns:
        directory, below = turns.pop(0)
        name = next(below, None)
        if name is not None:
            turns.append((directory, below))
            return f"{directory}/{name}"
    return ""


def _listed(path: str) -> _Listing:
    """Files with their sizes (only small ones, if there are any), and directories."""
    files, below = [], []
    with os.scandir(path) as entries:
        for number, entry in enumerate(entries):
            if number == _ENTRIES:
                break
            if entry.is_file(follow_symlinks=False):
                files.append((entry.stat(follow_symlinks=False).st_size, entry.name))
            elif entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    small = [(size, name) for size, name in files if 0 < size <= _SMALL]
    return small or [(size, name) for size, name in files if size], sorted(below)


def _xattrs(path: str) -> dict[str, int]:
    """The client's numbers. A plain directory, or CVMFS over NFS, has none."""
    found = {}
    for name in _XATTRS:
        try:
            found[name] = int(os.getxattr(path, f"user.{name}"))
        except ValueError:
            continue
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
                raise
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
