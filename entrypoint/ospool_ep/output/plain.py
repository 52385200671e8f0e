"""The selftest where nobody sits before it, in logs and pipes: the clock before each line, as the boot writes it."""

from ospool_ep.log import Log
from ospool_ep.output.page import Page
from ospool_ep.report import blocks, row


def show(page: Page, log: Log) -> None:
    """In rows as wide as the boot's."""
    for line in page.lines:
        log.line(row(line))
    for table in page.tables:
        log.block(f"\n{table}")
    for block in blocks(page.problems, log, gravest_first=True):
        log.block(block)
    if page.hint and page.problems:
        log.line(page.hint)
    if page.verdict:
        log.line(page.verdict)
