"""Host-side tools: the container engine, the image, the pool in a box. Standard library only."""
