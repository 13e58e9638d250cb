"""The instrument: readings, schedule, watch, delay and verdict, record, settings, redaction, plots."""
