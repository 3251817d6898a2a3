"""COMPOSES: wires rooms into processes and carries outcomes out; the only room that sees everything."""
