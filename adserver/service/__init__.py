"""One file per use case: it walks through the rooms. No HTTP, no database, no clock of its own."""
