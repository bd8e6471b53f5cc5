"""Experiments: who gets which variant, and what the recorded observations say of it afterwards.

Pure, like the rest of ``adapters``. Assigning (``assignment``, ``targeting``, ``design``) needs only the standard
library, since it stands in the way of a turn; analysing (``report`` and what it uses) takes NumPy and SciPy. Import the
modules: this file imports none, so that a worker does not load SciPy to hash a name. See docs/experiments.md.
"""
