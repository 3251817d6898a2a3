"""FILES: commit log, consume queues, key index and small tables on a disk passed in. May import: model, protocol."""
