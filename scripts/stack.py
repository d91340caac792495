#!/usr/bin/env python3
"""Changes a deployed stack without a build: takes it back to an earlier template, or sets parameters.

`sam deploy` leaves each template and each function's code in its bucket. A rollback asks CloudFormation
for an update to an earlier template, and so to the code that it names; parameters keep their values.
CloudFormation moves the aliases as in any deployment, so the next `sam deploy` finds the stack as it
expects it. (An alias that is moved by hand is not where CloudFormation and CodeDeploy know it to be.)

    scripts/stack.py --config-env production rollback            to the template before the present one
    scripts/stack.py --config-env production rollback --to KEY   to another one
    scripts/stack.py --config-env production templates           lists those that there are
    scripts/stack.py --config-env production set NAME=VALUE ...  sets parameters; the others keep theirs

samconfig.toml names stack and region. Credentials come from where the AWS CLI takes them.
"""

import argparse
import hashlib
import pathlib
import re
import sys
import tomllib

import boto3
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The stack has roles, and an update outside a change set has to allow SAM's transform as well.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class Failed(Exception):
    """What keeps the stack from being changed, for the operator."""


class Deployed:
    """A deployed stack, with the templates in its bucket."""

    def __init__(self, name: str, region: str | None):
        self.name = name
        self.formation = boto3.client("cloudformation", region_name=region)
        self.storage = boto3.client("s3", region_name=region)
        self.body = self.formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        self.bucket, self.prefix = artifacts(str(self.body))

    def templates(self) -> list[dict]:
        """The bucket's templates of this stack, the newest first."""
        pages = self.storage.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found = [item for page in pages for item in page.get("Contents", []) if item["Key"].endswith(".template")]
        return sorted(found, key=lambda item: item["LastModified"], reverse=True)

    def read(self, key: str) -> str:
        return self.storage.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def is_present(self, template: dict) -> bool:
        return digest(self.read(template["Key"])) == digest(str(self.body))

    def previous(self) -> str:
        """The newest template that is older than the present one."""
        templates = self.templates()
        places = [place for place, template in enumerate(templates) if self.is_present(template)]
        if not places:
            raise Failed(f"s3://{self.bucket}/{self.prefix} does not have the stack's present template; choose one of `templates` with --to")
        older = templates[places[0] + 1 :]
        if not older:
            raise Failed("there is no template older than the present one; `templates` lists what there is")
        return older[0]["Key"]

    def url(self, key: str) -> str:
        return f"{self.storage.meta.endpoint_url}/{self.bucket}/{key}"

    def present_parameters(self) -> list[str]:
        [stack] = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        return [parameter["ParameterKey"] for parameter in stack.get("Parameters", [])]

    def go_to(self, key: str) -> None:
        """Updates to a template. Parameters that it does not have are dropped, the others keep their values."""
        summary = self.formation.get_template_summary(TemplateURL=self.url(key))
        names = {parameter["ParameterKey"] for parameter in summary["Parameters"]}
        kept = [name for name in self.present_parameters() if name in names]
        self.update(kept, {}, TemplateURL=self.url(key))

    def set(self, values: dict[str, str]) -> None:
        """Updates parameters of the present template."""
        present = self.present_parameters()
        if unknown := sorted(values.keys() - set(present)):
            raise Failed(f"the stack has no parameter {', '.join(unknown)}; it has {', '.join(sorted(present))}")
        self.update([name for name in present if name not in values], values, UsePreviousTemplate=True)

    def update(self, kept: list[str], values: dict[str, str], **template) -> None:
        parameters = [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]
        parameters += [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        self.formation.update_stack(StackName=self.name, Parameters=parameters, Capabilities=CAPABILITIES, **template)
        try:
            self.formation.get_waiter("stack_update_complete").wait(StackName=self.name, WaiterConfig={"Delay": 5})
        except botocore.exceptions.WaiterError:
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


def rollback(stack: Deployed, options: argparse.Namespace) -> None:
    key = options.to or stack.previous()
    print(f"Updating {stack.name} to {key} …", flush=True)
    stack.go_to(key)
    print("Done. The next `sam deploy` deploys what is built then.")


def templates(stack: Deployed, _: argparse.Namespace) -> None:
    for template in stack.templates():
        mark = "present" if stack.is_present(template) else ""
        print(f"{template['LastModified']:%Y-%m-%d %H:%M:%S} {template['Key']} {mark}".rstrip())


def set_parameters(stack: Deployed, options: argparse.Namespace) -> None:
    print(f"Updating {stack.name} …", flush=True)
    stack.set(dict(options.values))
    print("Done. `sam deploy` keeps these values unless samconfig.toml or --parameter-overrides has others.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-env", default="default", help="the environment in samconfig.toml")
    parser.add_argument("--stack-name", help="another stack than that of the environment")
    parser.add_argument("--region", help="another region than that of the environment")
    commands = parser.add_subparsers(required=True, metavar="rollback | templates | set")
    command = commands.add_parser("rollback", help="go back to an earlier template")
    command.add_argument("--to", metavar="KEY", help="the key of a template, as `templates` prints it")
    command.set_defaults(run=rollback)
    command = commands.add_parser("templates", help="list the templates in the bucket, the newest first")
    command.set_defaults(run=templates)
    command = commands.add_parser("set", help="set parameters")
    command.add_argument("values", nargs="+", type=assignment, metavar="NAME=VALUE")
    command.set_defaults(run=set_parameters)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        chosen = settings(options.config_env)
        stack = Deployed(options.stack_name or chosen["stack_name"], options.region or chosen.get("region"))
        options.run(stack, options)
    except (Failed, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
