"""engram: protocols, models, recordings and analyses of memory."""
