"""Frozen values in files, from one of our programs to the next."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def save(path: Path, value: "DataclassInstance") -> None:
    """As JSON, at once or not at all. Raises OSError."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(dataclasses.asdict(value)), encoding="utf-8")
    new.replace(path)
