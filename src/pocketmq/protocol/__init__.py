"""BYTES: frames, headers, bodies and log records as RocketMQ writes them; sans-IO. May import: model."""
