"""What is believed of a repository, from one answer to the next."""

import dataclasses
from dataclasses import dataclass

from ospool_ep.cvmfs.ask import LATE, STUCK, UNASKED, Answer
from ospool_ep.cvmfs.look import EMPTY, UNREAD

# ospool.md section 5: an I/O error counts for four hours, and so does an absence.
OFF_S = 4 * 3600
HANGS = "does not answer"
_WORDS = {
    "ENOENT": "is not there",
    EMPTY: "is not mounted: its directory is empty",
    UNREAD: "has no file near its root, and its client has told no revision",
    "ENOTCONN": "is dead: its client has ended (Transport endpoint is not connected)",
    "EACCES": "may not be read (Permission denied)",
    "EPERM": "may not be read (Operation not permitted)",
    "EIO": "cannot be read (Input/output error)",
    LATE: HANGS,
    STUCK: f"{HANGS}, and holds an earlier question",
}


@dataclass(frozen=True)
class Repository:
    """One of those that the ad speaks of.

    `error`: of the last answer; `failed`: when it last failed (seconds since 1970, 0: never, as far as is known);
    `seen`: it has answered at least once. Numbers as in ask.Answer.
    """

    name: str
    error: str = ""
    failed: int = 0
    seen: bool = False
    revision: int | None = None
    nioerr: int | None = None
    last_ioerr: int | None = None

    @property
    def dead(self) -> bool:
        """Its client has ended: nothing mounts it again."""
        return self.error == "ENOTCONN"

    def usable(self, now: int) -> bool:
        """Whether jobs may count on it."""
        return self.seen and not self.error and not (self.failed and abs(now - self.failed) < OFF_S)

    def words(self, now: int) -> str:
        """What is wrong with it, for the end of a sentence; empty where nothing is."""
        if self.error:
            return _WORDS.get(self.error, f"cannot be read ({self.error})")
        if self.usable(now):
            return ""
        if not self.failed:
            return "has not been asked yet"
        return (
            f"failed {abs(now - self.failed) // 60} minutes ago, and counts again after {OFF_S // 3600} hours without"
        )


def renewed(before: Repository, answer: Answer, now: int, booting: bool = False) -> Repository:
    """After an answer. `booting`: none at all is no failure yet, autofs may be at work. The failure that counts is the
    one nearest to now: clocks are set back.
    """
    if answer.error == UNASKED:
        return before
    if answer.error:
        late = booting and answer.error == LATE
        return dataclasses.replace(before, error=answer.error, failed=before.failed if late else now)
    return dataclasses.replace(
        before,
        error="",
        failed=min((before.failed, answer.last_ioerr or 0), key=lambda when: abs(now - when)),
        seen=True,
        revision=answer.revision,
        nioerr=answer.nioerr,
        last_ioerr=answer.last_ioerr,
    )
