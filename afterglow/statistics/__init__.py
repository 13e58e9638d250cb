"""What many intervals tell together: the delay's distribution, the promise, and whether it has changed."""
