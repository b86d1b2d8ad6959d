"""The business: its tables, the questions one may ask, the verbs and rules."""
