"""What a slot says of its GPUs, from what the startd is told of them (condor_gpu_discovery's output)."""

import re
from collections.abc import Iterator

_NESTED = re.compile(r"^(\w+)=\[ ?(.*?);? ?\]$", re.MULTILINE)
_PROPERTY = re.compile(r'(\w+) ?= ?("[^"]*"|[^;]*)')


def attributes(inventory: str) -> Iterator[tuple[str, str]]:
    """Each GPU is an ad of its own; what all have in common is also said of the slot."""
    ads = dict(_NESTED.findall(inventory))
    common = ads.pop("Common", "")
    for name, text in _PROPERTY.findall(common):
        yield f"GPUs_{name}", text.strip()
    for name, own in ads.items():
        yield f"GPUs_{name}", f"[ {'; '.join(filter(None, (common.strip(), own.strip())))} ]"
    yield "AvailableGPUs", f"{{ {', '.join(f'GPUs_{name}' for name in ads)} }}"
