"""How the pilot of this container is doing, for those who come later (docker exec)."""
