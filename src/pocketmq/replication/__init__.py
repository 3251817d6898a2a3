"""COPIES: how a log reaches other brokers; sans-IO. May import: model, protocol, store."""
