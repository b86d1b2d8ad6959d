"""The clock's room: work at a time, and work that was left for later."""
