"""PEOPLE: the commands that people type. Speaks to brokers through client alone, reads folders through store.

May import: model, protocol, store, client.
"""
