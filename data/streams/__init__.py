"""Image streams: sources of any size, packs, domains, and the order in which classes come."""
