"""What a head looks like: skin, hair, clothes, things, light and backgrounds, sampled at random."""
