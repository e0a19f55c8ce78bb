"""How each kind of learner goes through waking and sleep."""
