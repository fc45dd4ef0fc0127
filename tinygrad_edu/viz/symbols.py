"""Operations as a student writes them, where that is not their name."""

__all__ = ["SYMBOLS"]

SYMBOLS = {
    "absolute": "|·|",
    "add": "+",
    "divide": "/",
    "floor_divide": "//",
    "getitem": "[ ]",
    "matmul": "@",
    "multiply": "*",
    "negative": "−",
    "positive": "+",
    "power": "**",
    "relu": "ReLU",
    "remainder": "%",
    "sigmoid": "σ",
    "sqrt": "√",
    "subtract": "−",
    "transpose": "T",
}
