"""POP: consumers ask for messages of any queue, and what they do not acknowledge in time is delivered again."""
