#!/usr/bin/env python3
"""Prints what the role of each function allows, read out of the translated template, and compares it with tests/policies.txt.

The template is translated as CloudFormation would have it done, offline. It fails where the two differ, and where anything
is granted that is no named action of DynamoDB on one table of the template or one index of it: a wildcard, another service, a managed policy
other than the one for writing logs. An existing table that is attached in place of the stack's own is allowed as that is, and no other table.
A Rust test, tests/api/policies.rs, compares the same file with the calls that the endpoints make.

    scripts/policies.py
"""

import difflib
import re
import sys

from translated import ROOT, Stack

COMMITTED = ROOT / "tests" / "policies.txt"
LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
DEPLOYING = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
ROLE_PROPERTIES = {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags"}
ATTACHED = {f"{table}TableName": f"attached.{table.lower()}" for table in ("Actors", "Movies", "Credits")}


def target(value, attribute: str) -> str | None:
    """The logical id that `!GetAtt id.attribute` names, if that is all that the value is."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    match value:
        case {"Fn::GetAtt": [name, got]} if len(value) == 1 and got == attribute:
            return name
    return None


def short(table: str) -> str:
    """`actors` for `ActorsTable`, as in the file."""
    return table.removesuffix("Table").lower()


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


class Policies:
    def __init__(self, stack: Stack):
        self.resources = stack.resources
        self.rows = {}  # (function, table): actions
        self.problems = []
        self.roles = set()
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            self.read_function(function["Properties"]["Code"]["S3Key"], function["Properties"])
        self.look_elsewhere()

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
            name = table + (f"/{index}" if index else "")
            self.rows.setdefault((function, name), set()).update(map(str, as_list(statement["Action"])))

    def part(self, resource) -> tuple[str | None, str | None]:
        """The table, and the index if it is one of the table's."""
        text = resource.get("Fn::Sub") if isinstance(resource, dict) and len(resource) == 1 else None
        if isinstance(text, str):
            own = re.fullmatch(r"\$\{(\w+)\.Arn\}/index/(\w+)", text)
            if not own:
                return self.attached(text)
            table, index = own.groups()
        else:
            table, index = target(resource, "Arn"), None
        return (short(table), index) if self.exists(table, index) else (None, None)

    def attached(self, arn: str) -> tuple[str | None, str | None]:
        """The same for a table that is attached in place of one of the stack's own."""
        known = "|".join(re.escape(name) for name in ATTACHED.values())
        prefix = re.escape("arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/")
        if match := re.fullmatch(rf"{prefix}({known})(?:/index/(\w+))?", arn):
            table, index = match.groups()
            if self.exists(table.removeprefix("attached.").capitalize() + "Table", index):
                return table, index
        return None, None

    def exists(self, table: str | None, index: str | None) -> bool:
        found = self.resources.get(table, {})
        indexes = [known["IndexName"] for known in found.get("Properties", {}).get("GlobalSecondaryIndexes", [])]
        return found.get("Type") == "AWS::DynamoDB::Table" and (index is None or index in indexes)

    def look_elsewhere(self) -> None:
        """Rights can be given in other places than a function's role; here they are in none."""
        for name, resource in self.resources.items():
            if name == "CodeDeployServiceRole":
                self.read_deployer(resource["Properties"])
            elif resource["Type"].startswith("AWS::IAM::") and name not in self.roles:
                self.problems.append(f"{name}: {resource['Type']} that is no function's role")
            if "ResourcePolicy" in resource.get("Properties", {}):
                self.problems.append(f"{name}: a policy of its own")

    def read_deployer(self, role: dict) -> None:
        """SAM adds a role with which CodeDeploy moves the aliases. Nobody else may use it."""
        trusted = [statement["Principal"] for statement in role["AssumeRolePolicyDocument"]["Statement"]]
        if trusted != [{"Service": ["codedeploy.amazonaws.com"]}] or role["ManagedPolicyArns"] != [DEPLOYING]:
            self.problems.append(f"CodeDeploy's role trusts {trusted} and has {role['ManagedPolicyArns']}")
        for more in sorted(role.keys() - {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Tags"}):
            self.problems.append(f"CodeDeploy's role has {more}")

    def table(self) -> str:
        rows = [(function, table, " ".join(sorted(actions))) for (function, table), actions in sorted(self.rows.items())]
        return "".join(f"{function:15}{table:22}{actions}".rstrip() + "\n" for function, table, actions in rows)


def main() -> int:
    policies, attached = Policies(Stack()), Policies(Stack(**ATTACHED))
    table = policies.table()
    print(table, end="")
    committed = [line for line in COMMITTED.read_text().splitlines() if line and not line.startswith("#")]
    drift = list(difflib.unified_diff(committed, table.splitlines(), "tests/policies.txt", "template.yaml", lineterm=""))
    expected = policies.rows | {(function, f"attached.{name}"): actions for (function, name), actions in policies.rows.items()}
    rows = expected.keys() | attached.rows.keys()
    wrong = [f"with attached tables: {row}" for row in sorted(rows) if expected.get(row) != attached.rows.get(row)]
    for problem in policies.problems + attached.problems + drift + wrong:
        print(problem, file=sys.stderr)
    return 1 if policies.problems or attached.problems or drift or wrong or not policies.rows else 0


if __name__ == "__main__":
    sys.exit(main())
