"""``python -m adserver``."""

from adserver.cli import main

if __name__ == "__main__":
    main()
