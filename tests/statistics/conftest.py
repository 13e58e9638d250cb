"""How the properties are searched: the same examples on every machine, and no example held to a time."""

from hypothesis import settings

# database=None: nothing is left behind, and no run depends on the one before
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")
