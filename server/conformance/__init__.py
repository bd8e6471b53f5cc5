"""Whether a server keeps the protocol, asked from outside: every rule that can be observed is one named check.

It imports nothing of the house but the errors of the command: what it knows, it knows from the protocol.
"""
