"""The system of record: SQLite, or PostgreSQL once that is outgrown. Control plane only, synchronous."""
