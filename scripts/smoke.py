#!/usr/bin/env python3
"""Runs the eight release bootstraps as Lambda functions and has each answer its sample events.

Each bootstrap is started by AWS's own Lambda runtime interface emulator, which the SAM CLI ships, against a local stack
in memory. An event must be answered with the status that its name promises, in the contract's shape.

    scripts/smoke.py [--bootstraps target/lambda] [--local target/debug/local]
"""

import argparse
import json
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTIONS = [
    f"{verb}_{resource}"
    for verb in ("post", "get", "patch", "delete")  # rows are made before they are listed, changed and deleted
    for resource in ("actors", "movies")
]
STATUS = {
    "listed": 200, "listed_in_pages": 200, "sorted_with_credits": 200, "sorted_with_cast": 200,
    "found": 200, "found_by_actor": 200, "one": 200, "one_with_credits": 200, "one_with_cast": 200,
    "created": 200, "created_from_base64": 200, "created_with_cast": 200, "updated": 200, "recast": 200, "deleted": 200,
    "malformed": 400, "unauthorized": 401, "forbidden": 403, "not_found": 404, "one_missing": 404, "invalid_id": 404,
    "method_not_allowed": 405, "unsupported_media_type": 415, "invalid": 422, "invalid_cursor": 422, "invalid_actor": 422,
}  # fmt: skip
ACTORS, MOVIES, CREDITS = ({f"{table.upper()}_TABLE": table} for table in ("actors", "movies", "credits"))
TABLES = {  # what the template gives each function
    "post_actors": ACTORS, "post_movies": ACTORS | MOVIES | CREDITS,
    "get_actors": ACTORS | MOVIES | CREDITS, "get_movies": ACTORS | MOVIES | CREDITS,
    "patch_actors": ACTORS, "patch_movies": ACTORS | MOVIES | CREDITS,
    "delete_actors": ACTORS | CREDITS, "delete_movies": MOVIES | CREDITS,
}  # fmt: skip
NEWEST_GLIBC = (2, 34)  # Amazon Linux 2023


def emulator() -> str:
    import samcli

    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    return str(pathlib.Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{machine}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A process in a group of its own, which ends with the block."""

    def __init__(self, command, **more):
        self.process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **more)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def listening(port: int, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def newest_glibc(bootstrap: pathlib.Path) -> tuple:
    """The newest glibc whose symbols the file asks for, read out of its version strings."""
    names = set()
    for part in bootstrap.read_bytes().split(b"GLIBC_")[1:]:
        digits = part.split(b"\0", 1)[0].decode("ascii", "ignore")
        if digits.replace(".", "").isdigit():
            names.add(tuple(int(number) for number in digits.split(".")))
    return max(names, default=(0,))


def invoke(port: int, event: str) -> dict:
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    request = urllib.request.Request(url, data=event.encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def problem_of(name: str, answer: dict) -> str | None:
    if answer.get("statusCode") != STATUS[name]:
        return f"expected {STATUS[name]}: {answer}"
    body = json.loads(answer.get("body") or "null")
    if not isinstance(body, dict) or body.get("success") is not (STATUS[name] == 200):
        return f"not the contract's shape: {answer}"
    if answer["headers"].get("cache-control") != "no-store":
        return f"a header is missing: {answer}"
    return None


def order(path: pathlib.Path):
    """Successes first, so that the row of an event about id 1 is there; a deletion last, since it takes it away."""
    return (path.stem == "deleted", STATUS[path.stem] != 200, path.stem)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bootstraps", type=pathlib.Path, default=ROOT / "target" / "lambda")
    arguments.add_argument("--local", type=pathlib.Path, default=ROOT / "target" / "debug" / "local")
    options = arguments.parse_args()
    api, identity, dynamodb = free_port(), free_port(), free_port()
    ports = {"--port": api, "--identity-port": identity, "--dynamodb-port": dynamodb, "--console-port": free_port()}
    stack = [str(options.local), "--in-memory", *(str(part) for flag in ports.items() for part in flag)]
    environment = {
        "PATH": os.environ["PATH"],
        "AUTH0_DOMAIN": f"http://127.0.0.1:{identity}",
        "API_AUDIENCE": "casting-agency",
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{dynamodb}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    passed = failed = 0
    with Process(stack, stdout=subprocess.DEVNULL):
        listening(api)
        for function in FUNCTIONS:
            bootstrap = options.bootstraps / function / "bootstrap"
            if not bootstrap.exists():
                sys.exit(f"{bootstrap} is missing; build it with `make build`")
            glibc = newest_glibc(bootstrap)
            if glibc > NEWEST_GLIBC:
                print(f"FAILED {function}: needs glibc {'.'.join(map(str, glibc))}")
                failed += 1
            port = free_port()
            settings = environment | TABLES[function]
            emulated = [
                emulator(), "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
                "--runtime-api-address", f"127.0.0.1:{free_port()}", str(bootstrap.resolve()),
            ]  # fmt: skip
            with Process(emulated, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                listening(port)
                for path in sorted((ROOT / "events" / function).glob("*.json"), key=order):
                    role = {"forbidden": ["--as", "nobody"], "unauthorized": []}.get(path.stem, ["--as", "producer"])
                    command = [str(options.local), "event", str(path), *role, "--identity-port", str(identity)]
                    event = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                    problem = problem_of(path.stem, invoke(port, event))
                    failed, passed = failed + (problem is not None), passed + (problem is None)
                    print(f"{'FAILED' if problem else 'ok'} {function}/{path.stem}{': ' + problem if problem else ''}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
