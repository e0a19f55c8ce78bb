"""The torch backend of deep learners: one training loop, its data, its devices and its checkpoints."""
