"""Make trajectories.json: the paths that PyTorch's optimizers take. Run once, with torch 2.13.0.

    python tests/data/make_trajectories.py

The objective is that of `objective` in tests/test_optim.py, and so are start and settings.
"""

import json
from pathlib import Path

import torch

STEPS = 50
START = {"w": [[1.2, -0.7], [0.3, 0.9], [-1.1, 0.4]], "b": [0.5, -1.5]}
CASES = {
    "sgd": ("SGD", {"lr": 0.02}),
    "sgd weight decay": ("SGD", {"lr": 0.02, "weight_decay": 0.1}),
    "sgd momentum": ("SGD", {"lr": 0.005, "momentum": 0.9}),
    "sgd nesterov": ("SGD", {"lr": 0.005, "momentum": 0.9, "nesterov": True}),
    "sgd everything": (
        "SGD",
        {"lr": 0.005, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "adagrad": ("Adagrad", {"lr": 0.1}),
    "adagrad weight decay": ("Adagrad", {"lr": 0.1, "eps": 1e-6, "weight_decay": 0.1}),
    "rmsprop": ("RMSprop", {"lr": 0.01}),
    "rmsprop everything": (
        "RMSprop",
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-6, "momentum": 0.5, "weight_decay": 0.1},
    ),
    "adam": ("Adam", {"lr": 0.05}),
    "adam everything": (
        "Adam",
        {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.1},
    ),
    "adamw": ("AdamW", {"lr": 0.05}),
    "adamw everything": (
        "AdamW",
        {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.5},
    ),
    # b has no gradient in every third step
    "sgd momentum, gradients missing": ("SGD", {"lr": 0.005, "momentum": 0.9}),
    "adagrad, gradients missing": ("Adagrad", {"lr": 0.1}),
    "sgd, clipped by value": ("SGD", {"lr": 0.02}),
}
SCHEDULES = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.9),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=10, eta_min=0.01),
    "warm-up": lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=0.2, total_iters=4),
}


def objective(w, b):
    """Not convex, with curvatures of very different size."""
    return ((torch.tanh(w * b) - 0.3) ** 2).sum() + 5 * (w[0] * w[1] + b).square().sum()


def run(case):
    kind, settings = CASES[case]
    w, b = (torch.tensor(START[k], dtype=torch.float64, requires_grad=True) for k in "wb")
    optimizer = getattr(torch.optim, kind)([w, b], **settings)
    path = []
    for step in range(STEPS):
        optimizer.zero_grad()
        objective(w, b).backward()
        if "missing" in case and step % 3 == 2:
            b.grad = None
        if "by value" in case:
            torch.nn.utils.clip_grad_value_([w, b], 1.0)
        optimizer.step()
        if step % 7 == 0:
            path.append([step, *w.detach().flatten().tolist(), *b.detach().tolist()])
    return {"optimizer": kind, "settings": settings, "path": path}


def rates(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    found = []
    for _ in range(10):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


if __name__ == "__main__":
    reference = {
        "made by": f"torch {torch.__version__}",
        "start": START,
        "trajectories": {case: run(case) for case in CASES},
        "schedules": {name: rates(make) for name, make in SCHEDULES.items()},
    }
    target = Path(__file__).with_name("trajectories.json")
    target.write_text(json.dumps(reference, indent=1) + "\n")
