#!/usr/bin/env python3
"""Changes a deployed stack without a build: takes it back to an earlier template, or sets parameters.

`sam deploy` leaves each template and each function's code in its bucket. A rollback asks CloudFormation
for an update to an earlier template, and so to the code that it names; parameters keep their values.
CloudFormation moves the aliases as in any deployment, so the next `sam deploy` finds the stack as it
expects it. (An alias that is moved by hand is not where CloudFormation and CodeDeploy know it to be.)

    scripts/stack.py --config-env production rollback            to the template before the present one
    scripts/stack.py --config-env production rollback --to KEY   to another one
    scripts/stack.py --config-env production templates           lists those that there are
    scripts/stack.py --config-env production parameters          lists the parameters with their values
    scripts/stack.py --config-env production set NAME=VALUE ...  sets parameters; the others keep theirs

samconfig.toml names stack and region. Credentials come from where the AWS CLI takes them.
"""

import argparse
import hashlib
import pathlib
import re
import signal
import sys
import tomllib
from dataclasses import dataclass
from datetime import datetime

import boto3
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The stack has roles, and an update outside a change set has to allow SAM's transform as well.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# Two hours: longer than any DeploymentPreference takes.
WAITER = {"Delay": 5, "MaxAttempts": 1440}
# Beside a template that a rollback has left: an object with the template's name and this ending.
ROLLED_BACK = ".rolled-back"


class Failed(Exception):
    """What keeps the stack from being changed, for the operator."""


@dataclass
class Template:
    """A template in the bucket."""

    key: str
    uploaded: datetime
    is_present: bool
    is_rolled_back: bool


class Deployed:
    """A deployed stack, with the templates in its bucket."""

    def __init__(self, name: str, region: str | None):
        self.name = name
        self.formation = boto3.client("cloudformation", region_name=region)
        self.storage = boto3.client("s3", region_name=region)
        self.body = self.formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        self.bucket, self.prefix = artifacts(str(self.body))

    def templates(self) -> list[Template]:
        """The bucket's templates of this stack, the newest first."""
        pages = self.storage.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        items = {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", [])}
        found = [
            Template(key, uploaded, digest(self.read(key)) == digest(str(self.body)), key + ROLLED_BACK in items)
            for key, uploaded in items.items()
            if key.endswith(".template")
        ]
        return sorted(found, key=lambda template: template.uploaded, reverse=True)

    def read(self, key: str) -> str:
        return self.storage.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def mark_rolled_back(self, key: str) -> None:
        """Notes that a rollback has left this template, so that no later rollback chooses it."""
        self.storage.put_object(Bucket=self.bucket, Key=key + ROLLED_BACK, Body=b"")

    def url(self, key: str) -> str:
        return f"{self.storage.meta.endpoint_url}/{self.bucket}/{key}"

    def present_parameters(self) -> dict[str, str]:
        [stack] = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        return {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in stack.get("Parameters", [])}

    def go_to(self, key: str) -> None:
        """Updates to a template. Parameters that it does not have are dropped, the others keep their values."""
        summary = self.formation.get_template_summary(TemplateURL=self.url(key))
        names = {parameter["ParameterKey"] for parameter in summary["Parameters"]}
        kept = [name for name in self.present_parameters() if name in names]
        self.update(kept, {}, TemplateURL=self.url(key))

    def set(self, values: dict[str, str]) -> None:
        """Updates parameters of the present template."""
        present = self.present_parameters()
        if unknown := sorted(values.keys() - present.keys()):
            raise Failed(f"the stack has no parameter {', '.join(unknown)}; it has {', '.join(sorted(present))}")
        self.update([name for name in present if name not in values], values, UsePreviousTemplate=True)

    def update(self, kept: list[str], values: dict[str, str], **template) -> None:
        parameters = [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]
        parameters += [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        try:
            self.formation.update_stack(StackName=self.name, Parameters=parameters, Capabilities=CAPABILITIES, **template)
        except botocore.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            print("The stack has this already.")
            return
        try:
            self.formation.get_waiter("stack_update_complete").wait(StackName=self.name, WaiterConfig=WAITER)
        except botocore.exceptions.WaiterError as error:
            [stack] = error.last_response.get("Stacks") or [{}]
            if stack.get("StackStatus", "").endswith("IN_PROGRESS"):
                raise Failed("the update has taken two hours and goes on in CloudFormation; see the stack's events") from None
            raise Failed(self.failure()) from None

    def failure(self) -> str:
        """The first event of the update that failed."""
        for event in reversed(self.events()):
            if event["ResourceStatus"].endswith("FAILED"):
                return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        return "the update failed; see the stack's events"

    def events(self) -> list[dict]:
        """The events of the last update, the newest first."""
        events = []
        for event in self.formation.describe_stack_events(StackName=self.name)["StackEvents"]:
            events.append(event)
            if event["ResourceStatus"] == "UPDATE_IN_PROGRESS" and event["LogicalResourceId"] == self.name:
                break
        return events


def previous(templates: list[Template]) -> str:
    """The key of the template that was deployed before the present one; `templates` has the newest first.

    The bucket says when a template was uploaded, not when it was deployed: `sam deploy` does not upload
    again what is there. So this is known only if the present template is the newest one that no rollback
    has left.
    """
    kept = [template for template in templates if template.is_present or not template.is_rolled_back]
    choose = "; choose one of those that `templates` lists with --to"
    if not any(template.is_present for template in kept):
        raise Failed(f"the bucket does not have the stack's present template{choose}")
    if not kept[0].is_present:
        raise Failed(f"the present template is not the newest one, so it is unknown which was deployed before it{choose}")
    if len(kept) == 1:
        raise Failed("there is no template older than the present one that was not rolled back; `templates` lists what there is")
    return kept[1].key


def left_behind(templates: list[Template], key: str) -> list[str]:
    """The present template, if the one with this key is older: a step forward rolls nothing back."""
    uploaded = {template.key: template.uploaded for template in templates}
    return [template.key for template in templates if template.is_present and key in uploaded and template.uploaded > uploaded[key]]


def artifacts(body: str) -> tuple[str, str]:
    """Bucket and folder of the functions' code, where `sam deploy` puts the template too."""
    match = re.search(r"s3://([a-z0-9.-]+)/((?:[^\s\"'/]+/)*)[0-9a-f]{32}", body)
    if not match:
        raise Failed("the stack's template names no code in a bucket: was it deployed with sam deploy?")
    return match[1], match[2]


def digest(template: str) -> str:
    """A digest that does not depend on white space at the end, which CloudFormation strips."""
    return hashlib.sha256(template.strip().encode()).hexdigest()


def settings(environment: str) -> dict:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if "deploy" not in config.get(environment, {}):
        known = ", ".join(name for name, section in config.items() if isinstance(section, dict) and "deploy" in section)
        raise Failed(f"samconfig.toml has no environment {environment}; it has {known}")
    return config[environment]["deploy"]["parameters"]


def assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def template_key(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the key is empty")
    return text


def rollback(stack: Deployed, options: argparse.Namespace) -> None:
    templates = stack.templates()
    key = options.to or previous(templates)
    print(f"Updating {stack.name} to {key} …", flush=True)
    stack.go_to(key)
    for left in left_behind(templates, key):
        stack.mark_rolled_back(left)
    print("Done. The next `sam deploy` deploys what is built then.")


def templates(stack: Deployed, _: argparse.Namespace) -> None:
    for template in stack.templates():
        mark = "present" if template.is_present else "rolled back" if template.is_rolled_back else ""
        print(f"{template.uploaded:%Y-%m-%d %H:%M:%S} {template.key} {mark}".rstrip())


def parameters(stack: Deployed, _: argparse.Namespace) -> None:
    for name, value in sorted(stack.present_parameters().items()):
        print(f"{name}={value}")


def set_parameters(stack: Deployed, options: argparse.Namespace) -> None:
    print(f"Updating {stack.name} …", flush=True)
    stack.set(dict(options.values))
    print("Done. `sam deploy` keeps these values unless samconfig.toml or --parameter-overrides has others.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-env", default="default", help="the environment in samconfig.toml")
    parser.add_argument("--stack-name", help="another stack than that of the environment")
    parser.add_argument("--region", help="another region than that of the environment")
    commands = parser.add_subparsers(required=True, metavar="rollback | templates | parameters | set")
    command = commands.add_parser("rollback", help="go back to an earlier template")
    command.add_argument("--to", metavar="KEY", type=template_key, help="the key of a template, as `templates` prints it")
    command.set_defaults(run=rollback)
    command = commands.add_parser("templates", help="list the templates in the bucket, the newest first")
    command.set_defaults(run=templates)
    command = commands.add_parser("parameters", help="list the parameters with their values")
    command.set_defaults(run=parameters)
    command = commands.add_parser("set", help="set parameters")
    command.add_argument("values", nargs="+", type=assignment, metavar="NAME=VALUE")
    command.set_defaults(run=set_parameters)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        chosen = settings(options.config_env)
        stack = Deployed(options.stack_name or chosen["stack_name"], options.region or chosen.get("region"))
        options.run(stack, options)
    except (Failed, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; an update that has begun goes on in CloudFormation", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
