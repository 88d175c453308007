"""The nouns. They import nothing of ours and do no I/O."""
