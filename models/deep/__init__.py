"""Deep networks that learn awake and asleep: specs of learners and their backbones."""
