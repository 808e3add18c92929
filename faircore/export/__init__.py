"""A chosen model leaves: the bundle, its card, and scoring with it.

The parts that put a bundle together need the training stack; reading and scoring one does not, so
``faircore.export.bundle`` can be imported alone.
"""
