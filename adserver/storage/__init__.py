"""The wing: Valkey and SQL behind verbs. It knows nouns and telemetry, no rooms and no services."""
