"""The plots of the analysis; their names are those of `engram.analysis`."""
