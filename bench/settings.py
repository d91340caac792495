#!/usr/bin/env python3
"""Builds get_actors with one setting after another changed, for `bench measure settings` to hold against the program as it is deployed.

Each goes to target/bench/settings/programs/NAME/bootstrap. It works on a copy of the tree, so the checkout stays as it is; all are built by plain cargo,
which the first of them, with nothing changed, is there to be compared with.

    bench/settings.py [NAME ...]
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "target" / "bench" / "settings"
TREE = FOLDER / "tree"

TARGET = "x86_64-unknown-linux-gnu"
MAIN = "functions/get_actors/src/main.rs"
MANIFEST = "functions/get_actors/Cargo.toml"
APP = "shared/src/app.rs"
WAIT = "Duration::from_millis(20);"

# What is set: by its name, environment variables of the build, and pieces of source with what takes their place.
SETTINGS = {
    "as deployed": ({}, []),
    "opt-level 3": ({"CARGO_PROFILE_RELEASE_OPT_LEVEL": "3"}, []),
    "opt-level z": ({"CARGO_PROFILE_RELEASE_OPT_LEVEL": "z"}, []),
    "no link-time optimisation": ({"CARGO_PROFILE_RELEASE_LTO": "off"}, []),
    "static": ({"RUSTFLAGS": "-C target-feature=+crt-static"}, []),
    "jitter entropy": ({"AWS_LC_SYS_NO_JITTER_ENTROPY": "0"}, []),
    "mimalloc": (
        {},
        [
            (MANIFEST, "[dependencies]\n", '[dependencies]\nmimalloc = { version = "0.1", default-features = false }\n'),
            (MAIN, "#[tokio::main", "#[global_allocator]\nstatic ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;\n\n#[tokio::main"),
        ],
    ),
    "several threads": (
        {},
        [
            (MANIFEST, "tokio.workspace = true", 'tokio = { workspace = true, features = ["rt-multi-thread"] }'),
            (MAIN, 'flavor = "current_thread"', 'flavor = "multi_thread"'),
        ],
    ),
    "no wait for connections": ({}, [(APP, WAIT, "Duration::ZERO;")]),
    "connections after the first `next`": (
        {},
        [
            (APP, WAIT, "Duration::ZERO;"),
            (APP, "let connecting = tokio::spawn(async move {", "let connecting = tokio::spawn(async move {\n        tokio::time::sleep(Duration::from_millis(3)).await;"),
        ],
    ),
}


def copy_tree() -> None:
    """Brings the copy up to date with what git knows of, so that a file which has not changed keeps its time and is not built again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, TREE / name
        if source.is_file() and not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def build(name: str) -> None:
    variables, edits = SETTINGS[name]
    copy_tree()
    for path, old, new in edits:
        text = (TREE / path).read_text()
        if text.count(old) != 1:
            raise SystemExit(f"{name}: {path} has {old!r} {text.count(old)} times")
        (TREE / path).write_text(text.replace(old, new))
    environment = os.environ | variables | {"CARGO_TARGET_DIR": str(FOLDER / "target")}
    command = ["cargo", "build", "--quiet", "--release", "-p", "get_actors", "--target", TARGET]
    subprocess.run(command, cwd=TREE, env=environment, check=True)
    program = FOLDER / "programs" / name / "bootstrap"
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / "target" / TARGET / "release" / "get_actors", program)
    print(f"{name}: {program.stat().st_size:,} bytes", flush=True)


def main() -> None:
    for name in sys.argv[1:] or SETTINGS:
        if name not in SETTINGS:
            raise SystemExit(f"{name}: one of {', '.join(SETTINGS)}")
        build(name)


if __name__ == "__main__":
    main()
