#!/usr/bin/env python3
"""Adds a template's new indexes to a deployed stack, one update at a time.

CloudFormation adds at most one global secondary index to a table in one update. This script compares
the tables of a deployed stack with those of the template. It then updates the stack once for the next
missing index of each table, changes nothing else, and waits until DynamoDB has filled the indexes.
To tables that parameters attach, which CloudFormation does not own, it adds the indexes itself.
Run it before the deployment of a template with more than one new index for a table:

    scripts/apply_indexes.py --config-env staging --dry-run    says what it would do
    scripts/apply_indexes.py --config-env staging
    sam deploy --config-env staging

An interrupted run does no harm: the update goes on in CloudFormation, and the next run waits for it
and continues. With nothing left to add, the script changes nothing.
"""

import argparse
import hashlib
import json
import pathlib
import sys
import time

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse

import stack as deployment

ROOT = pathlib.Path(__file__).resolve().parent.parent
READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


class Problem(deployment.Failed):
    """Why the indexes cannot be added, and what to do."""


def indexes(table: dict) -> dict:
    return {index["IndexName"]: index for index in table["Properties"].get("GlobalSecondaryIndexes", [])}


def tables(template: dict) -> dict:
    resources = template.get("Resources", {})
    return {name: resource for name, resource in resources.items() if resource.get("Type") == "AWS::DynamoDB::Table"}


def missing(deployed: dict, wanted: dict) -> dict:
    """The names of the indexes to add, in the template's order, for each table that both templates have."""
    found = {}
    for name, table in tables(wanted).items():
        if name not in tables(deployed):
            continue  # the deployment creates it, with all its indexes
        has = indexes(tables(deployed)[name])
        if names := [index for index in indexes(table) if index not in has]:
            found[name] = names
    return found


def shape(index: dict) -> dict:
    """What makes an index, and cannot be changed. Its limits can, but they name parameters, which the
    deployed template may not have. The deployment sets them."""
    return {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}


def changed(deployed: dict, wanted: dict) -> list:
    """The indexes that both templates have and that differ. No update can change them."""
    return [
        f"{name}/{index}"
        for name, table in tables(wanted).items()
        if name in tables(deployed)
        for index, now in indexes(tables(deployed)[name]).items()
        if index in indexes(table) and shape(now) != shape(indexes(table)[index])
    ]


def removed(deployed: dict, wanted: dict) -> list:
    """The indexes that only the deployed stack has."""
    return [
        f"{name}/{index}"
        for name, table in tables(deployed).items()
        if name in tables(wanted)
        for index in indexes(table)
        if index not in indexes(tables(wanted)[name])
    ]


def with_index(deployed: dict, wanted: dict, name: str, index: str) -> None:
    """Adds one index of the wanted template to the deployed one, and the attributes of its keys."""
    table, source = tables(deployed)[name]["Properties"], tables(wanted)[name]["Properties"]
    added = indexes(tables(wanted)[name])[index]
    table.setdefault("GlobalSecondaryIndexes", []).append(shape(added))
    known = {attribute["AttributeName"] for attribute in table["AttributeDefinitions"]}
    types = {attribute["AttributeName"]: attribute for attribute in source["AttributeDefinitions"]}
    for key in added["KeySchema"]:
        if key["AttributeName"] not in known:
            table["AttributeDefinitions"].append(types[key["AttributeName"]])


class Stack:
    def __init__(self, name: str, region: str | None):
        self.name = name
        session = boto3.Session(region_name=region)
        self.cloudformation = session.client("cloudformation")
        self.dynamodb = session.client("dynamodb")
        self.s3 = session.client("s3")

    def describe(self) -> dict:
        try:
            return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                raise Problem(f"there is no stack {self.name} in {self.cloudformation.meta.region_name}") from None
            raise

    def wait(self) -> None:
        """Waits for the update that runs, if one does."""
        shown = None
        while (status := self.describe()["StackStatus"]).endswith("IN_PROGRESS"):
            if status != shown:
                print(f"{now()} the stack is {status}", flush=True)
                shown = status
            time.sleep(self.pause())
        if status not in READY:
            raise Problem(f"the stack is {status}: {self.reason()}")

    def pause(self) -> float:
        """A short pause for an emulator on this machine; AWS limits how often one may ask."""
        return 0.2 if "//127.0.0.1" in self.cloudformation.meta.endpoint_url else 10

    def reason(self) -> str:
        for event in self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]:
            if event["ResourceStatus"].endswith("FAILED"):
                return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        return "see its events"

    def template(self) -> dict:
        body = self.cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        # A template in YAML comes as a text.
        return yaml_parse(body) if isinstance(body, str) else json.loads(json.dumps(body))

    def table_name(self, logical_id: str) -> str | None:
        """The name of a table that the stack has made; none if its condition is false."""
        for page in self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name):
            for resource in page["StackResourceSummaries"]:
                if resource["LogicalResourceId"] == logical_id and resource["ResourceStatus"] != "DELETE_COMPLETE":
                    return resource["PhysicalResourceId"]
        return None

    def attached(self) -> dict:
        """The names of existing tables that parameters attach in place of the stack's own."""
        given = {known["ParameterKey"]: known.get("ParameterValue", "") for known in self.describe().get("Parameters", [])}
        return {key.removesuffix("Name"): name for key, name in given.items() if key.endswith("TableName") and name}

    def table(self, name: str) -> dict:
        return self.dynamodb.describe_table(TableName=name)["Table"]

    def table_indexes(self, name: str) -> dict:
        return {index["IndexName"]: index for index in self.table(name).get("GlobalSecondaryIndexes", [])}

    def add_to_table(self, name: str, index: dict, attributes: list) -> None:
        """Adds an index to a table that CloudFormation does not own."""
        known = self.table(name)["AttributeDefinitions"]
        names = {attribute["AttributeName"] for attribute in known}
        keys = {key["AttributeName"] for key in index["KeySchema"]} - names
        self.dynamodb.update_table(
            TableName=name,
            AttributeDefinitions=known + [attribute for attribute in attributes if attribute["AttributeName"] in keys],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )
        self.wait_for_indexes({name: index["IndexName"]})

    def update(self, template: dict) -> None:
        names = [parameter["ParameterKey"] for parameter in self.describe().get("Parameters", [])]
        self.cloudformation.update_stack(
            StackName=self.name,
            Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in names],
            Capabilities=deployment.CAPABILITIES,
            **self.source(json.dumps(template)),
        )

    def source(self, body: str) -> dict:
        """Puts a template beside the functions' code, as `sam deploy` does, so that stack.py can return to it."""
        try:
            bucket, folder = deployment.artifacts(body)
        except deployment.Failed:
            return {"TemplateBody": body}  # no functions: small enough to be sent with the request
        key = f"{folder}{hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()}.template"
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
        return {"TemplateURL": f"{self.s3.meta.endpoint_url}/{bucket}/{key}"}

    def wait_for_indexes(self, added: dict) -> None:
        """Waits until DynamoDB has filled the indexes. CloudFormation waits too; this shows the progress."""
        waiting = dict(added)
        while waiting:
            for name, index in list(waiting.items()):
                found = self.table_indexes(name).get(index)
                if found and found["IndexStatus"] == "ACTIVE" and not found.get("Backfilling"):
                    print(f"{now()} {name}: {index} is active, {found.get('ItemCount', 0)} items when last counted", flush=True)
                    del waiting[name]
            if waiting:
                time.sleep(self.pause())


def now() -> str:
    return time.strftime("%H:%M:%S")


def plan(stack: Stack, deployed: dict, wanted: dict) -> dict:
    """The indexes to add to each of the stack's tables, or the problem that prevents it."""
    if differing := changed(deployed, wanted):
        raise Problem(f"{', '.join(differing)} differ from the deployed ones. An index cannot be changed: add one with a new name")
    to_add = {name: names for name, names in missing(deployed, wanted).items() if stack.table_name(name)}
    for name, names in to_add.items():
        if foreign := sorted(set(names) & set(stack.table_indexes(stack.table_name(name)))):
            raise Problem(f"{name} already has {', '.join(foreign)}, and the stack does not know of it: another run is at work, or it was made by hand")
    return to_add


def apply_to_attached(stack: Stack, wanted: dict, dry_run: bool) -> None:
    for logical_id, name in stack.attached().items():
        table = tables(wanted).get(logical_id)
        has = stack.table_indexes(name)
        for index in indexes(table).values() if table else []:
            if index["IndexName"] in has:
                continue
            print(f"{now()} {name}, which is attached: {'would add' if dry_run else 'adds'} {index['IndexName']}", flush=True)
            if not dry_run:
                for other, found in stack.table_indexes(name).items():
                    if found["IndexStatus"] != "ACTIVE":  # an earlier run was interrupted
                        stack.wait_for_indexes({name: other})
                stack.add_to_table(name, shape(index), table["Properties"]["AttributeDefinitions"])


def apply(stack: Stack, wanted: dict, dry_run: bool, one: bool) -> None:
    stack.wait()
    apply_to_attached(stack, wanted, dry_run)
    deployed = stack.template()
    for name in removed(deployed, wanted):
        print(f"{name} is not in the template: the deployment deletes it")
    to_add = plan(stack, deployed, wanted)
    for name, names in to_add.items():
        print(f"{name}: {'would add' if dry_run else 'adds'} {', '.join(names)}")
    if not to_add:
        print("The stack's own tables have all the template's indexes.")
        return
    rounds = max(map(len, to_add.values()))
    if dry_run:
        print(f"It would take {rounds} update(s) of {stack.name}. Nothing is changed.")
        return
    for number in range(1, 2 if one else rounds + 1):
        deployed = stack.template()  # somebody else may have updated the stack
        added = {name: names[0] for name, names in plan(stack, deployed, wanted).items()}
        if not added:
            break
        print(f"{now()} update {number} of {rounds}: {', '.join(f'{name}/{index}' for name, index in added.items())}", flush=True)
        for name, index in added.items():
            with_index(deployed, wanted, name, index)
        stack.update(deployed)
        stack.wait()
        if stack.describe()["StackStatus"] != "UPDATE_COMPLETE":
            raise Problem(f"CloudFormation rolled the update back: {stack.reason()}")
        stack.wait_for_indexes({stack.table_name(name): index for name, index in added.items()})
    print("Stopped after one update." if one else "Done. Deploy the template now.")


def read(path: pathlib.Path) -> dict:
    try:
        template = yaml_parse(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Problem(f"{path}: {error}") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict) or not tables(template):
        raise Problem(f"{path} has no tables")
    return template


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--config-env", default="default", help="the environment in samconfig.toml")
    arguments.add_argument("--stack-name", help="another stack than that of the environment")
    arguments.add_argument("--region", help="another region than that of the environment")
    arguments.add_argument("--template", type=pathlib.Path, default=ROOT / "template.yaml", help="the template with the new indexes")
    arguments.add_argument("--dry-run", action="store_true", help="say what it would do, and change nothing")
    arguments.add_argument("--one", action="store_true", help="stop after one update")
    options = arguments.parse_args()
    try:
        chosen = deployment.settings(options.config_env)
        wanted = read(options.template)
        stack = Stack(options.stack_name or chosen["stack_name"], options.region or chosen.get("region"))
        apply(stack, wanted, options.dry_run, options.one)
    except (deployment.Failed, BotoCoreError, ClientError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. An update that has begun goes on; run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
