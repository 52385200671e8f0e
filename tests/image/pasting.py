"""What a person does with a printed cure: pastes the options it names, and leaves out those it says to leave out."""

import itertools
import json
import re
import shlex
from dataclasses import dataclass, field

# Options of `docker run` that cures name; each takes one word
TAKEN = ("-e", "-v", "--security-opt", "--device", "--ulimit", "--pids-limit", "--user", "--network", "--tmpfs",
         "--shm-size", "--memory", "--group-add")  # fmt: skip
# Of these the last one counts, so a cure takes the place of what was given
SINGLE = ("--pids-limit", "--user", "--network", "--shm-size", "--memory")


@dataclass(frozen=True)
class Said:
    """One run of the selftest: its exit status and its document."""

    code: int
    document: dict = field(hash=False)

    @property
    def problems(self):
        """Id to problem, in the order of the document."""
        return {one["id"]: one for check in self.document["checks"] for one in check["problems"]}

    @property
    def cures(self):
        """Of all problems."""
        return [one["cure"] for check in self.document["checks"] for one in check["problems"]]


def selftest(box, options, *arguments):
    """Run it with these options and no others, but for a network that leads nowhere where they name none."""
    network = () if "--network" in options else ("--network", box.name)
    words = ("run", "--rm", "--label", f"ospool-ep.pool={box.name}", *network, *options)
    done = box.engine.run(*words, "--entrypoint", "ospool-selftest", box.image, "--json", *arguments, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return Said(done.returncode, json.loads(done.stdout))


def pasted(cure, fillings):
    """The options that a cure names, with a person's own words for its examples."""
    found = []
    for line in cure.splitlines():
        words = _words(line)
        for option, value in itertools.pairwise(words):
            if option in TAKEN:
                found += [option, fillings(option, value)]
    return found


def _words(line):
    try:
        words = shlex.split(line)
    except ValueError:  # an apostrophe in a sentence
        words = line.split()
    return [part for word in words for part in _split(word.rstrip(",;"))]


def _split(word):
    """`--pids-limit=16384` is two."""
    option, _, value = word.partition("=")
    return [option, value] if option in SINGLE and value else [word]


def applied(options, cures, fillings):
    """The options after somebody has followed these cures."""
    result = _pairs(options)
    for cure in cures:
        result = _followed(result, cure, fillings)
    return [word for pair in result for word in pair]


def _followed(pairs, cure, fillings):
    """What can be left out is; everything else is added, in the place of what it replaces."""
    unwanted = re.search(r"correct (\w+), or leave it out", cure)
    if unwanted:
        return [pair for pair in pairs if not pair[1].startswith(f"{unwanted[1]}=")]
    for option, value in _pairs(pasted(cure, fillings)):
        place = _place(option, value)
        pairs = [*(pair for pair in pairs if _place(*pair) != place), (option, value)]
    return pairs


def _pairs(words):
    return list(zip(words[::2], words[1::2], strict=False))


def _place(option, value):
    if option in SINGLE:
        return option
    if option in ("-e", "--security-opt", "--ulimit"):
        return option, value.partition("=")[0]
    return (option, value.split(":")[1]) if option == "-v" else (option, value)


def fillings(scratch, token):
    """A person's own words for the examples in cures: function of option and word."""

    def fill(option, value):
        if option == "-v" and "tokens-orig.d" in value:
            return f"{token}:{value.split(':')[1]}"
        if option == "-v" and value.split(":")[1] == "/pilot":
            return f"{scratch}:/pilot"
        return re.sub(r"=(NAME|\.\.\.)$", "=Lab", value)

    return fill


def names(said):
    """The ids of its problems: of failures, and of warnings."""
    found = [one for check in said.document["checks"] for one in check["problems"]]
    return tuple([one["id"] for one in found if one["severity"] == kind] for kind in ("failure", "warning"))
