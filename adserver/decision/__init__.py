"""Who gets which products. Pure: the time and the dice are passed in."""
