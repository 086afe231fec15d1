"""How long one waits before anything happens: importing, asking for help, the first step of `mapsto train digits`."""

from __future__ import annotations

from benchmarks.speed.contest import Arm, Contest

IMPORT = (
    "import mapsto; mapsto.Learner"  # public words are found when asked for: `import mapsto` alone is next to nothing
)

CONTESTS = (
    Contest(
        "start",
        "Before anything happens",
        "start",
        "New processes, from their start to their end, on files that the system has in memory. The first step is that of "
        "`mapsto train digits`: the process ends right after it (first_step.py).",
        "",
        (
            Arm("python", "python -c pass", "", "part", command=("-c", "pass")),
            Arm("import-torch", "import torch", "", "part", command=("-c", "import torch")),
            Arm("import-mapsto", "import mapsto, with its Learner", "", "part", command=("-c", IMPORT)),
            Arm("help", "mapsto --help", "", "part", command=("-m", "mapsto", "--help")),
            Arm(
                "first-step",
                "mapsto train digits, first step",
                "",
                "part",
                command=("-m", "benchmarks.speed.first_step"),
            ),
        ),
        counts=("whole",),
        rounds=12,
        fresh=True,
        steady=False,
        agree=0.0,
        base="import-torch",
    ),
)
