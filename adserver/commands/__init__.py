"""What the command line does, one file per command. Part of the roof: it may use everything."""
