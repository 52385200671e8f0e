"""ospool-ep: turn this container into an execution point of the Open Science Pool."""

VERSION = "24.0.0"
CONTAINER_TAG = "24-release"
