"""Write down what startd and renewal need to know."""

import dataclasses
from pathlib import Path

from ospool_ep.gpus import driver, published
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.record import Record


def keep(directory: Path, found: Gpus, log: str | None) -> None:
    """Make the record. Raises OSError."""
    record = Record(directory)
    record.create(dataclasses.replace(published.state(found), log=log))
    record.inventory.write_text(found.inventory, encoding="utf-8")
    driver.link(record.links, found)
