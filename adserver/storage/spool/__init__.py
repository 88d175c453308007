"""What Valkey does not take now is kept in a file and written later: in order, once."""
