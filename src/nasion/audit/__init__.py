"""How a model holds up: its errors on corrupted images, in kinds of conditions, and in groups of people."""
