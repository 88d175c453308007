"""One handler per route or pair of routes: context in, answer out."""
