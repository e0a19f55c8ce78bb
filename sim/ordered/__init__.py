"""How lists are learned and come back: sessions of the models with order."""
