"""Benchmarks: every figure is a ratio of two things measured in turn, in one run.

__main__   the command line
measure    workloads, contenders, rounds
peers      how each other library maps a function over items
noop, compute, data, graphs, memory, durable, scheduler    the workloads, by what they are about
patience   a limit to each measurement
curves     what is drawn over a range of sizes
report, plots    tables, JSON, pictures
flows/     the dataflows that are measured, and the loops that a person would write instead
"""
