"""A shop, a newspaper and the ad server on one port: what a newcomer sees first."""
