#!/usr/bin/env python3
"""Checks that `cargo test --workspace` can reuse what `cargo run -p local` compiled.

Cargo compiles a package again if another member of the workspace enables more of its features. Then
`local` enables them too, in local/Cargo.toml.
"""

import subprocess
import sys
from collections import defaultdict


def features(*selection):
    """The sets of features that each package is compiled with."""
    command = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", *selection]
    tree = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    packages = defaultdict(set)
    for line in tree.replace(" (*)", "").splitlines():
        package, _, enabled = line.partition("|")
        packages[package].add(enabled)
    return packages


def main():
    run = features("-p", "local", "--edges", "normal,build")
    test = features("--workspace", "--edges", "all")
    differing = [package for package in run if not run[package] >= test[package]]
    for package in differing:
        print(f"{package}: {sorted(run[package])} for local, {sorted(test[package])} for the workspace")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
