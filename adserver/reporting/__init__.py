"""From single events to the rows of a report: measures and their arithmetic."""
