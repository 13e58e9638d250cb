"""The nights in pictures: one page for a browser, and plots for a report."""
