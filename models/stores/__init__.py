"""Episodic stores: what a hippocampus keeps of images, and what it costs in bytes."""
