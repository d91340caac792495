#!/usr/bin/env python3
"""Copies the web console to the bucket of a deployed stack, or empties that bucket.

    scripts/console.py --config-env production deploy   copy the folder console/ and make its config.json
    scripts/console.py --config-env production empty    remove all files: before Console=false and `sam delete`

`deploy` takes the API, the issuer and the audience from the stack, and the client id of the application
"Casting Agency console" from CONSOLE_CLIENT_ID. samconfig.toml names stack and region. Credentials come
from where the AWS CLI takes them.
"""

import argparse
import json
import os
import pathlib
import re
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import boto3
import botocore.exceptions

from stack import ROOT, Failed, settings

FOLDER = ROOT / "console"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".LICENSE": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
CONFIG, INDEX = "config.json", "index.html"
# The browser asks each time whether a file has changed, since a file keeps its name when it changes.
CACHE_CONTROL = "no-cache"
CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}")
DELETED_AT_ONCE = 1000  # S3's limit


@dataclass
class Hosting:
    """What a stack says about its console."""

    url: str
    api: str
    issuer: str
    audience: str
    allowed_origin: str
    bucket: str
    distribution: str

    @staticmethod
    def of(name: str, formation) -> "Hosting":
        try:
            [stack] = formation.describe_stacks(StackName=name)["Stacks"]
        except botocore.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise Failed(f"there is no stack {name} in {formation.meta.region_name}: deploy it first (docs/deploy.md)") from None
        if stack["StackStatus"].endswith("IN_PROGRESS"):
            raise Failed(f"{name} is being changed ({stack['StackStatus']}): wait until that has ended")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}
        if "ConsoleBucket" not in outputs:
            raise Failed(f"{name} hosts no console: deploy it with the parameter Console=true (docs/deploy.md#the-console)")
        return Hosting(
            url=outputs["ConsoleUrl"], api=outputs["ConsoleApi"], bucket=outputs["ConsoleBucket"],
            distribution=outputs["ConsoleDistribution"], issuer=f"https://{parameters['Auth0Domain']}/",
            audience=parameters["ApiAudience"], allowed_origin=parameters["AllowedOrigin"],
        )  # fmt: skip

    def config(self, client_id: str) -> bytes:
        values = {"api": self.api, "issuer": self.issuer, "clientId": client_id, "audience": self.audience}
        return (json.dumps(values, indent=2) + "\n").encode()

    def origin_problem(self) -> str | None:
        """Why a browser would not let the console call the API."""
        if self.allowed_origin in ("*", self.url):
            return None
        return (
            f"the API allows only {self.allowed_origin} to call it from a browser, so the console cannot."
            f" Set AllowedOrigin={self.url} (docs/operations.md#set-a-parameter)"
        )


def client_id(environment: dict) -> str:
    value = environment.get("CONSOLE_CLIENT_ID", "").strip()
    if not value:
        raise Failed("CONSOLE_CLIENT_ID is missing: the client id of the application Casting Agency console (docs/auth0.md)")
    if not CLIENT_ID.fullmatch(value):
        raise Failed("CONSOLE_CLIENT_ID must be 1 to 255 letters, digits or ._~-")
    return value


def served(folder: pathlib.Path) -> dict[str, bytes]:
    """The files to serve, but for the configuration, by their path below the folder."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"]
    files = {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
    files.pop(CONFIG, None)
    if unknown := [name for name, path in files.items() if path.suffix not in CONTENT_TYPES]:
        raise Failed(f"no content type is known for {', '.join(unknown)}")
    if INDEX not in files:
        raise Failed(f"{folder} has no {INDEX}")
    return {name: path.read_bytes() for name, path in files.items()}


def in_order(names: Iterable[str], present: set[str]) -> list[str]:
    """The order in which to copy files, so that no file that a reader gets needs one that is not there.

    New files come first, since only new versions of other files need them. The page comes last.
    """
    return sorted(names, key=lambda name: (name == INDEX, name in present, name))


class Console:
    """The console that a stack hosts."""

    def __init__(self, hosting: Hosting, session: boto3.Session):
        self.hosting = hosting
        self.bucket = hosting.bucket
        self.storage = session.client("s3")
        self.cloudfront = session.client("cloudfront")

    def put(self, name: str, content: bytes) -> None:
        kind = CONTENT_TYPES[pathlib.PurePath(name).suffix]
        try:
            self.storage.put_object(Bucket=self.bucket, Key=name, Body=content, ContentType=kind, CacheControl=CACHE_CONTROL)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise Failed(f"{name} was not copied, so readers still have the earlier {INDEX}; run this again: {error}") from None

    def names(self) -> set[str]:
        pages = self.storage.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def delete(self, names: set[str]) -> None:
        keys = [{"Key": name} for name in sorted(names)]
        for start in range(0, len(keys), DELETED_AT_ONCE):
            batch = {"Objects": keys[start : start + DELETED_AT_ONCE], "Quiet": True}
            for error in self.storage.delete_objects(Bucket=self.bucket, Delete=batch).get("Errors", []):
                raise Failed(f"{error['Key']} was not deleted: {error.get('Message') or error.get('Code')}")

    def invalidate(self) -> None:
        """Has CloudFront forget the files that it keeps, which takes it up to some minutes."""
        batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(uuid.uuid4())}
        self.cloudfront.create_invalidation(DistributionId=self.hosting.distribution, InvalidationBatch=batch)


def deploy(console: Console) -> None:
    hosting = console.hosting
    files = {CONFIG: hosting.config(client_id(os.environ)), **served(FOLDER)}
    print(f"Copying {len(files)} files to {hosting.bucket} …", flush=True)
    present = console.names()
    for name in in_order(files, present):
        console.put(name, files[name])
    gone = present - files.keys()
    console.delete(gone)
    console.invalidate()
    if gone:
        print(f"Deleted what the console has no more: {', '.join(sorted(gone))}")
    print(f"The console is at {hosting.url}")
    print(f"Auth0 must know it: CALLBACK_URLS={hosting.url}/ (docs/auth0.md)")
    if problem := hosting.origin_problem():
        print(f"warning: {problem}", file=sys.stderr)


def empty(console: Console) -> None:
    names = console.names()
    console.delete(names & {INDEX})  # first: nobody shall start a console without its modules
    console.delete(names - {INDEX})
    console.invalidate()
    print(f"Deleted {len(names)} files of {console.hosting.bucket}.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-env", default="default", help="the environment in samconfig.toml")
    parser.add_argument("--stack-name", help="another stack than that of the environment")
    parser.add_argument("--region", help="another region than that of the environment")
    commands = parser.add_subparsers(required=True, metavar="deploy | empty")
    commands.add_parser("deploy", help="copy the console").set_defaults(run=deploy)
    commands.add_parser("empty", help="remove all files").set_defaults(run=empty)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        chosen = settings(options.config_env)
        session = boto3.Session(region_name=options.region or chosen.get("region"))
        hosting = Hosting.of(options.stack_name or chosen["stack_name"], session.client("cloudformation"))
        options.run(Console(hosting, session))
    except (Failed, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run this again to complete it", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
