"""PEOPLE: the commands that people type. Speaks to brokers through client alone. May import: model, client."""
