"""Learned cues: an image codec whose analysis network is dropped once the cues are made."""
