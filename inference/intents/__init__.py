"""A user's own intents: read from a folder, checked, learned in seconds on the frozen embedding, tested, applied.

``parsing`` makes values of YAML documents, ``validate`` finds what is wrong with them, ``training`` fits a classifier,
``file`` writes and reads it, ``crossval`` tests it, ``apply`` lets it speak in an ``Analysis``.
"""
