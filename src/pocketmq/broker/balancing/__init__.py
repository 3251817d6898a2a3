"""Server-side balancing: the broker shares a topic's queues out among a group's members, for clients that ask it to."""
