"""The long runs of the simulator, and their results."""
