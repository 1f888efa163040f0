"""The sandbox: a procedural world of maths word problems and the small student that is built for it.

The training, the evaluation and the statistics of a sandbox pilot are real; its language and its
teacher are simulated, and its results say nothing about anybody's task.
"""
