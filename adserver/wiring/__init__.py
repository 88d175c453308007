"""What a worker is made of, put together: stores, services, handlers. Below the roof nothing knows the settings."""
