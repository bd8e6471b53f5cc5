"""The models that ship, and the code that makes them.

Only `network`, `losses`, `train` and `export` need torch; the rest runs in the server's environment.
"""
