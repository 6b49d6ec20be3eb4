"""A small reader and player of packetdrill scripts."""
