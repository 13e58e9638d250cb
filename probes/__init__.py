"""What can tell whether a session is alive: one module per layer. They ask; they never decide."""
