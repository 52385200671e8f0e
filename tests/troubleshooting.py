"""docs/troubleshooting.md, as it follows from explanations.md."""

import re

HEAD = """\
# When something is wrong

<!-- written by OSPOOL_EP_WRITE_DOCS=1 python -m pytest tests/test_explanations.py from
entrypoint/ospool_ep/explanations.md: change it there -->

Every problem that the pilot, `ospool-selftest` or `ospool-cvmfs` can report, by its id. The same without this page:

```sh
docker run --rm --entrypoint ospool-selftest ospool-ep:24-release --explain ID      # or: --explain list
```

A *warning* is told, and the pilot starts. Where something is *refused* nothing is started, and nothing is left behind;
the exit code is that of the first refusal in the report. `ospool-selftest` with the pilot's own options makes all of
the boot's checks and starts nothing: [selftest.md](selftest.md). What is *refused by the selftest* stops no pilot: the
boot does not look at the network, and such a pilot starts and waits.
"""


def page(known):
    """All of it: the table by group, then the sections."""
    groups = list(dict.fromkeys(one.group for one in known))
    members = {group: [one for one in known if one.group == group] for group in groups}
    return "\n".join([HEAD, *_table(members), *(line for group in groups for line in _group(group, members[group]))])


def anchor(heading):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def _table(members):
    rows = [f"| [{group}](#{anchor(group)}) | [`{one.id}`](#{anchor(one.id)}) | {one.severity} |"
            for group, those in members.items() for one in those]  # fmt: skip
    return ["| group | id | what the pilot does |", "| --- | --- | --- |", *rows, ""]


def _group(group, those):
    return [f"## {group}", "", *(line for one in those for line in _section(one))]


def _section(one):
    items = [f"- {label}: {_linked(text)}" for label, text in one.advice]
    return [f"### {one.id}", "", f"*{one.severity}*", "", _linked(one.meaning), "", *items, ""]


def _linked(text):
    """Other pages, which lie beside this one."""
    return re.sub(r"docs/([a-z]+\.md)", r"[\1](\1)", text)
