"""How fast mapsto learns beside what people use: `make bench`, or `python -m benchmarks.speed digits`.

A workload (digits.py, mnist.py, table.py …) names its contests; a contest has one task and several arms; an arm (arms/, one
file a framework) learns the task in its framework's own way. Every arm has a process of its own; runs are interleaved in
random order, and figures are medians of ratios within a round (pairs.py). quiet.py says which rounds count, gates.py what
was promised beforehand. Raw rows go to docs/speed.json; docs/speed.md is written from that file and from nothing else.
"""
