"""Filtering by SQL92: reading expressions, judging messages by their properties, and what each group filters by."""
