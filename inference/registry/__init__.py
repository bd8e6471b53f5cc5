"""Versions of the model side by side, and which of them answers: the registry.

``deployment`` says who is champion, shadow and canary (pure), ``catalogue`` keeps the packs and that state on disk,
``gate`` compares measured metrics (pure), ``rollout`` changes the deployment only where the packs allow it, ``psi``
measures drift of what the model says (pure).
"""
