"""Valkey (or any Redis from 7.0): visitors, catalogs, snapshot, event stream."""
