"""Learn: what the advice rests on."""
