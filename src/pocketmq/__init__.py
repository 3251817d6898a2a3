"""PocketMQ: Apache RocketMQ in Python. Each folder is a room; its `__init__` says what the room is for."""
