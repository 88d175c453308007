"""What we know of one visitor: the store's fields -> profile -> what may be shown."""
