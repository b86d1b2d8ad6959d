"""A week of the demo shop's time, played: the clock's jobs, LINE as simulated, shoppers who come.

Nothing is staged. Every entry of the timetable, every round and every delivery is the one that
runs in production, called by the queue's own tasks at its moment; people act by webhook and at
the counter. Only time is ours: it is set forward from one moment at which something is due to the
next. The same seed and first day give the same week.
"""
