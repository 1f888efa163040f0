"""A run as one file to take away: HTML that opens offline and prints, and JSON; the run can be repeated from either.

`facts` reads the run into plain values, `page` draws them, `drawing` makes the figures, `taken_out` finds the plan in a
report again.
"""
