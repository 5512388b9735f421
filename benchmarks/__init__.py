"""Side-by-side measurements. `python -m benchmarks --list` names them."""
