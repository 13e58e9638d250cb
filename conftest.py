"""Makes the fixtures known to every test. What they are, and in which layers, is said in fixtures/."""

pytest_plugins = [
    "fixtures.plugin",
    "fixtures.target",
    "fixtures.codes",
    "fixtures.keeping",
    "fixtures.profiles",
    "fixtures.graveyard",
    "fixtures.expecting",
    "fixtures.measuring",
    "fixtures.capabilities",
    "fixtures.people",
    "fixtures.observing",
    "fixtures.afterwards",
    "fixtures.storage",
    "fixtures.hygiene",
    "fixtures.aftermath",
    "fixtures.singled_out",
    "fixtures.repeating",
]
