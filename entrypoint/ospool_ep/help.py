"""`--help`: the table of settings as text."""

import textwrap

from ospool_ep.settings import TABLE, Row

USAGE = """\
usage: docker run [options] IMAGE                  start the pilot
       docker run [options] IMAGE --print-config   show HTCondor's configuration, start nothing
       docker run [options] IMAGE --help
       docker run [options] --entrypoint ospool-selftest IMAGE   check everything, start nothing"""


def text() -> str:
    """Usage and every variable."""
    return "\n".join([USAGE, "", "variables:", *map(_entry, TABLE)])


def _entry(row: Row) -> str:
    note = "required" if row.required else f"default {row.default}" if row.default else "default: none"
    lines = textwrap.wrap(row.help.replace("`", ""), 90, initial_indent="      ", subsequent_indent="      ")
    return "\n".join([f"  {row.name}  ({note})", *lines])
