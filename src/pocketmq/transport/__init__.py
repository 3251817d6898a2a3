"""SOCKETS: moves bytes and understands none of them. May import: model, protocol."""
