"""What the interop tests stand on: clusters, official clients and their drivers; imports nothing of PocketMQ."""
