"""Makes the fixtures known to every test. What they are, and in which layers, is said in fixtures/."""

pytest_plugins = [
    "fixtures.plugin",
    "fixtures.target",
    "fixtures.profiles",
    "fixtures.measuring",
]
