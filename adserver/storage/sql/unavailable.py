"""What goes wrong with a database, for those who can do without the SQL library."""


class DatabaseUnavailable(Exception):  # noqa: N818 - a state of the world, not a mistake in the program
    """The database can not be used now. The text says why, for people, and holds no password."""
