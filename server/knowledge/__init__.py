"""The user's own knowledge: articles, the passages they are cut into, and finding the passage that answers.

Pure: values in, values out. ``server.store`` keeps it, ``server.chat.knowledge`` keeps every worker's index of it.
"""
