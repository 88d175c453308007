"""A self-hosted dynamic retargeting ad server."""

__version__ = "0.1.0"
