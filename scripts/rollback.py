#!/usr/bin/env python3
"""Takes a stack back to the template, and with it to the functions' code, that was deployed before.

`sam deploy` leaves each template and each function's code in its bucket. This asks CloudFormation for
an update to an earlier template; parameters keep their present values. CloudFormation moves the
aliases as in any deployment, so the next `sam deploy` finds the stack as it expects it. (An alias that
is moved by hand is not what CloudFormation and CodeDeploy know of, and they do not say what they do then.)

    scripts/rollback.py --config-env production            takes the stack one template back
    scripts/rollback.py --config-env production --list     lists the templates that there are
    scripts/rollback.py --config-env production --to KEY   takes it to another of them

Credentials and region come from where the AWS CLI takes them; samconfig.toml names stack and region.
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
    """What keeps the stack from being taken back, for the operator."""


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
            raise Failed(f"s3://{self.bucket}/{self.prefix} does not have the stack's present template; choose with --list and --to")
        older = templates[places[0] + 1 :]
        if not older:
            raise Failed("there is no template older than the present one; --list shows what there is")
        return older[0]["Key"]

    def url(self, key: str) -> str:
        return f"{self.storage.meta.endpoint_url}/{self.bucket}/{key}"

    def parameters(self, key: str) -> list[dict]:
        """The present values of the parameters that the template has. New ones in the present template are dropped."""
        summary = self.formation.get_template_summary(TemplateURL=self.url(key))
        [stack] = self.formation.describe_stacks(StackName=self.name)["Stacks"]
        present = {parameter["ParameterKey"] for parameter in stack.get("Parameters", [])}
        names = [parameter["ParameterKey"] for parameter in summary["Parameters"]]
        return [{"ParameterKey": name, "UsePreviousValue": True} for name in names if name in present]

    def update(self, key: str) -> None:
        self.formation.update_stack(
            StackName=self.name, TemplateURL=self.url(key), Parameters=self.parameters(key), Capabilities=CAPABILITIES
        )
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


def run(options: argparse.Namespace) -> None:
    chosen = settings(options.config_env)
    stack = Deployed(options.stack_name or chosen["stack_name"], options.region or chosen.get("region"))
    if options.list:
        for template in stack.templates():
            mark = "present" if stack.is_present(template) else ""
            print(f"{template['LastModified']:%Y-%m-%d %H:%M:%S} {template['Key']} {mark}".rstrip())
        return
    key = options.to or stack.previous()
    print(f"Updating {stack.name} to {key} …", flush=True)
    stack.update(key)
    print("Done. The next `sam deploy` deploys what is built then.")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--config-env", default="default", help="the environment in samconfig.toml")
    arguments.add_argument("--stack-name", help="another stack than that of the environment")
    arguments.add_argument("--region", help="another region than that of the environment")
    arguments.add_argument("--list", action="store_true", help="list the templates and change nothing")
    arguments.add_argument("--to", metavar="KEY", help="the key of a template, as --list prints it")
    try:
        run(arguments.parse_args())
    except (Failed, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
