"""The street door: HTTP in, HTTP out, nothing decided here."""
