"""DECISIONS: plain functions from a request and the state to an outcome. May import: model, protocol, store."""
