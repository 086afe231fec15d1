"""What gpu.py measures where there is an accelerator; apart from it, so that the page can be written without one."""

from __future__ import annotations

from benchmarks.speed.contest import Arm, Contest

ARMS = (
    Arm("mapsto", "mapsto", "", "mapsto", "mapsto"),
    Arm("mapsto-eager", "mapsto, eager", "", "part", "mapsto"),
    Arm("mapsto-captured", "mapsto, as a CUDA graph", "", "part", "mapsto"),
    Arm("mapsto-compiled", "mapsto, compiled", "", "part", "mapsto"),
    Arm("loop-eager", "PyTorch, tuned loop, eager", "", "loop", "PyTorch"),
    Arm("loop-compiled", "PyTorch, tuned loop, compiled", "", "loop", "PyTorch"),
)

CONTESTS = (
    Contest(
        "gpu-resnet",
        "On a GPU: ResNet-18 on pictures of 32×32",
        "GPU, ResNet-18",
        "11.2 M weights; 49,664 random pictures, resident on the device as bytes and normalised as they are gathered; batch 512, "
        "SGD with momentum, bfloat16, channels last. Compiling is not in the time: every arm has taken 60 steps before. Waits are "
        "those of the host for the device, in 50 steps.",
        "",
        ARMS,
        steady=False,
    ),
    Contest(
        "gpu-gpt",
        "On a GPU: a GPT of 124 million weights",
        "GPU, GPT 124M",
        "12 layers of width 768, context 1,024, vocabulary 50,304, on random tokens; batch 16, fused AdamW, bfloat16, "
        "scaled_dot_product_attention. Share of the matrix rate: 6 operations a weight and token, and attention, over "
        "what one large bfloat16 product reached in the same round.",
        "",
        ARMS,
        steady=False,
    ),
)
