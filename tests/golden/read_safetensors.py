"""Reads a file of `save_safetensors` with the reference implementation of the format.

    pip install numpy safetensors
    python read_safetensors.py generator.safetensors

One line for each tensor: name, type, shape, and the sum of its numbers in double precision; the
metadata in front. The Rust tests parse the format by hand; this shows that others read the same.
"""

import sys

import numpy
from safetensors import safe_open


def main(path):
    with safe_open(path, framework="numpy") as file:
        for key, value in sorted((file.metadata() or {}).items()):
            print(f"# {key} = {value}")
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            total = tensor.astype(numpy.float64).sum()
            print(name, tensor.dtype, list(tensor.shape), repr(float(total)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
