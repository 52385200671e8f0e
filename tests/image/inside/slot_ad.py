"""Runs in the pilot's image with a pilot's options: the slot's ad as the selftest expects it, as JSON."""

import json
import os

from ospool_ep import instance
from ospool_ep.for_job import slot
from ospool_ep.machine import Machine
from ospool_ep.preflight import preflight
from ospool_ep.settings import take

plan = preflight(Machine(), take(os.environ), instance.new_name())
print(json.dumps(slot.attributes(Machine(), plan)))
