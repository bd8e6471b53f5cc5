"""What adapts: traits, personas, features, bandit policies, rewards.

Pure: values in, values out. Nothing here reads a file, a clock or a socket, and neither ``server`` nor ``inference``
is imported; arrays, plain values and frozen dataclasses pass between the rooms.
"""
