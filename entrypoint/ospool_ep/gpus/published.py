"""The attributes of the machine ad that are ours to tell: the same from the boot and from the renewal."""

from ospool_ep import classads
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.record import Gpu, State
from ospool_ep.gpus.rows import named


def state(found: Gpus) -> State:
    """The first one: all that were offered are well."""
    gpus = tuple(Gpu(device.id, device.uuid) for device in found.offered)
    others = [f"{named(row.device)} {row.why}" for row in found.table if not row.usable]
    return State(gpus, found.directories, "; ".join(others) or found.comment)


def attributes(state: State) -> dict[str, str]:
    """Attribute to ClassAd expression; nothing where there never was a GPU. All others are HTCondor's own."""
    if not state.gpus and not state.lasting:
        return {}
    return {"GPUS_COMMENT": classads.told(comment(state))}


def comment(state: State) -> str:
    """Why some are not offered, or not any more."""
    gone = (f"{one.id} {one.why}" for one in state.gpus if not one.usable)
    return "; ".join(filter(None, (*gone, state.lasting)))
