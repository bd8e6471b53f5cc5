"""Language models as writers: what they are asked, how their words come in, what of it is said.

See docs/language-models.md.
Most of it is pure (values, prompts, streams' parsing, the breaker, budgets, drafts, checks); ``author``, ``pump`` and
the writers do the I/O. Nothing here is imported by a server that has only the built-in writer.
"""
