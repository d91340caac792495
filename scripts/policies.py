#!/usr/bin/env python3
"""Prints what the role of each function allows, read out of the translated template, and compares it with tests/policies.txt.

The template is translated as CloudFormation would have it done, offline. It fails where the two differ, and where anything
is granted that is no named action of DynamoDB on one table of the template or one index of it: a wildcard, another service, a managed policy
other than the one for writing logs. A Rust test, tests/api/policies.rs, compares the same file with the calls that the endpoints make.

    scripts/policies.py
"""

import difflib
import os
import pathlib
import re
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "tests" / "policies.txt"
LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
ROLE_PROPERTIES = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags"}


class NoManagedPolicies:
    """What the translator would ask AWS for. A managed policy that is named in the template stays a name, and is refused."""

    def load(self) -> dict:
        return {}


def translated() -> tuple[dict, dict]:
    """The resources that CloudFormation would make, and the functions' folders by their logical ids."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # only to tell the partition by
    template = yaml_parse((ROOT / "template.yaml").read_text())
    folders = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            folders[name] = pathlib.PurePath(resource["Properties"]["CodeUri"]).name
            # The translator takes code only from where `sam deploy` would have put it.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    # With no values given, the parameters have their defaults; one without a default stays a reference.
    return transform(template, {}, NoManagedPolicies())["Resources"], folders


def target(value, attribute: str) -> str | None:
    """The logical id that `!GetAtt id.attribute` names, if that is all that the value is."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    match value:
        case {"Fn::GetAtt": [name, got]} if len(value) == 1 and got == attribute:
            return name
    return None


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


class Policies:
    def __init__(self, resources: dict, folders: dict):
        self.resources = resources
        self.rows = {}  # (function, table): actions
        self.problems = []
        self.roles = set()
        for name, function in self.of_type("AWS::Lambda::Function"):
            self.read_function(folders.get(name, name), function["Properties"])
        self.look_elsewhere()

    def of_type(self, kind: str) -> list:
        return [(name, resource) for name, resource in self.resources.items() if resource["Type"] == kind]

    def read_function(self, function: str, properties: dict) -> None:
        name = target(properties["Role"], "Arn")
        if name in self.roles or self.resources.get(name, {}).get("Type") != "AWS::IAM::Role":
            self.problems.append(f"{function}: not a role of its own: {properties['Role']}")
            return
        self.roles.add(name)
        role = self.resources[name]["Properties"]
        for more in sorted(role.keys() - ROLE_PROPERTIES):
            self.problems.append(f"{function}: its role has {more}")
        for policy in role.get("ManagedPolicyArns", []):
            if policy != LOGGING:
                self.problems.append(f"{function}: managed policy {policy}")
        if not role.get("Policies"):
            self.rows[function, "-"] = set()  # a line all the same
        for policy in role.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                self.read_statement(function, statement)

    def read_statement(self, function: str, statement: dict) -> None:
        if statement.keys() != {"Effect", "Action", "Resource"} or statement["Effect"] != "Allow":
            self.problems.append(f"{function}: not just Allow, Action and Resource: {statement}")
            return
        for action in as_list(statement["Action"]):
            if not re.fullmatch("dynamodb:[A-Z][A-Za-z]+", str(action)):
                self.problems.append(f"{function}: not a named action of DynamoDB: {action}")
        for resource in as_list(statement["Resource"]):
            table, index = self.part(resource)
            if table is None:
                self.problems.append(f"{function}: not a table or an index of one: {resource}")
                continue
            name = table.removesuffix("Table").lower() + (f"/{index}" if index else "")
            self.rows.setdefault((function, name), set()).update(map(str, as_list(statement["Action"])))

    def part(self, resource) -> tuple[str | None, str | None]:
        """The table, and the index if it is one of the table's."""
        table, index = target(resource, "Arn"), None
        if isinstance(resource, dict) and len(resource) == 1 and isinstance(resource.get("Fn::Sub"), str):
            if match := re.fullmatch(r"\$\{(\w+)\.Arn\}/index/(\w+)", resource["Fn::Sub"]):
                table, index = match.groups()
        found = self.resources.get(table, {})
        indexes = [known["IndexName"] for known in found.get("Properties", {}).get("GlobalSecondaryIndexes", [])]
        sound = found.get("Type") == "AWS::DynamoDB::Table" and (index is None or index in indexes)
        return (table, index) if sound else (None, None)

    def look_elsewhere(self) -> None:
        """Rights can be given in other places than a function's role; here they are in none."""
        for name, resource in self.resources.items():
            if resource["Type"].startswith("AWS::IAM::") and name not in self.roles:
                self.problems.append(f"{name}: {resource['Type']} that is no function's role")
            if "ResourcePolicy" in resource.get("Properties", {}):
                self.problems.append(f"{name}: a policy of its own")

    def table(self) -> str:
        rows = [(function, table, " ".join(sorted(actions))) for (function, table), actions in sorted(self.rows.items())]
        return "".join(f"{function:15}{table:22}{actions}".rstrip() + "\n" for function, table, actions in rows)


def main() -> int:
    policies = Policies(*translated())
    table = policies.table()
    print(table, end="")
    committed = [line for line in COMMITTED.read_text().splitlines() if line and not line.startswith("#")]
    drift = list(difflib.unified_diff(committed, table.splitlines(), "tests/policies.txt", "template.yaml", lineterm=""))
    for problem in policies.problems + drift:
        print(problem, file=sys.stderr)
    return 1 if policies.problems or drift or not policies.rows else 0


if __name__ == "__main__":
    sys.exit(main())
