"""Starts and stops the emulator and the identity service, each in a process group of its own."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
# The tenant's domain that the stack is deployed with. The functions get the issuer's URL instead.
ISSUER_DOMAIN = "identity.emulator.internal"
EMULATOR_PYTHON = ROOT / "target" / "emulator" / "python" / "bin" / "python"
LOCAL = ROOT / "target" / "debug" / "local"
# The emulator's root user. It has no other keys before it makes some.
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Failed(Exception):
    """What went wrong, and the file with the details."""

    def __init__(self, message: str, log: pathlib.Path | None = None):
        super().__init__(message)
        self.log = log


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Process:
    """A process and all that it starts. They end with the block, whatever ends that."""

    def __init__(self, command: list, log: pathlib.Path, environment: dict):
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)  # what is left of the group
        self.process.wait()

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def ready(self, url: str, seconds: float = 120) -> None:
        """Waits until the process serves a URL."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(url, timeout=2).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Failed(f"{url} did not start", self.log)


def tail(log: pathlib.Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def base_environment(folder: pathlib.Path) -> dict:
    """Nothing of the user's AWS settings: no profile, no keys, no other endpoint."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", str(folder)),
        "TMPDIR": str(folder),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
    }


def local_stack(folder: pathlib.Path, identity_port: int, console_port: int) -> Process:
    """The local stack: its identity service, and its console to compare with. Its other services are not used."""
    unused = [part for flag in ("--port", "--dynamodb-port") for part in (flag, free_port())]
    command = [LOCAL, "--in-memory", "--identity-port", identity_port, "--console-port", console_port, *unused]
    return Process([str(part) for part in command], folder / "identity.log", base_environment(folder))


def emulator(folder: pathlib.Path, port: int, api_port: int, issuer: str, handlers: dict) -> Process:
    (folder / "handlers.json").write_text(json.dumps(handlers))
    environment = base_environment(folder) | ROOT_KEYS | {
        "AUTH": "true",  # roles are enforced
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # They would listen on all addresses.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "INFO",
        "EMULATOR_API_PORT": str(api_port),
        "EMULATOR_DOMAIN": ISSUER_DOMAIN,
        "EMULATOR_ISSUER": issuer,
        "EMULATOR_CALLS": str(folder / "calls.jsonl"),
        "EMULATOR_HANDLERS": str(folder / "handlers.json"),
    }
    server = pathlib.Path(__file__).with_name("server.py")
    return Process([str(EMULATOR_PYTHON), str(server)], folder / "emulator.log", environment)
