#!/usr/bin/env python3
"""Deploys the real template to an AWS emulator on this machine, and tries what an operator does.

The emulator is ministack, with roles enforced; scripts/emulator/server.py closes its gaps. The issuer
is the local stack's identity service. Everything listens on 127.0.0.1 and ends with the script.
`sam` runs as a role that has deploy/deployer-policy.json and nothing else.

    scripts/emulate.py           deploy, run the Postman collection, update, roll back, break and
                                 restore a permission, add indexes, delete, and check the policy
    scripts/emulate.py --keep    deploy, print how to use the stack, and keep it until Ctrl-C
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

from emulator import permissions, processes
from emulator.processes import REGION, ROOT, Failed
from translated import Stack

STACK = "casting-agency-staging"
CONFIG = "staging"
INDEX_STACK = "casting-agency-indexes"
ATTACHED_TABLE = "casting-agency-attached"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
POLICY = ROOT / "deploy" / "deployer-policy.json"
POLICY_LIMIT = 10_240  # characters of a role's own policies, without white space
ACCOUNT = "000000000000"
KEEP_PORTS = {"emulator": 4566, "api": 4567, "identity": 4568}
# Headers of the console's files that are the same on the local stack, beside the content security policy.
CONSOLE_HEADERS = [
    "cache-control", "content-type", "cross-origin-opener-policy", "permissions-policy", "referrer-policy",
    "x-content-type-options", "x-frame-options",
]  # fmt: skip

# Assertions of the Postman collection that fail on the emulator and hold on AWS. An assertion that
# fails and is not here fails the script, and so does one that is here and passes.
KNOWN_DIFFERENCES = {
    ("A path with a slash at its end is not found", "Returns 404: resource not found"): (
        "The emulator drops a slash at the end of a path. API Gateway selects a route only by a full match, and sends"
        " other requests with their full path to $default:"
        " https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html"
    ),
}


class Emulation:
    def __init__(self, folder: pathlib.Path, ports: dict):
        self.folder = folder
        self.ports = ports
        self.endpoint = f"http://127.0.0.1:{ports['emulator']}"
        self.api = f"http://127.0.0.1:{ports['api']}"
        self.issuer = f"http://127.0.0.1:{ports['identity']}"
        self.local_console = processes.free_port()
        self.processes = contextlib.ExitStack()
        self.emulator_log = folder / "emulator.log"
        self.deployer = {}
        self.policy = json.loads(POLICY.read_text())
        self.types = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy"}  # of the stack with SAM's bucket

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.processes.close()

    def client(self, service: str):
        """A client as the account's root user, for what is not part of a deployment."""
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )  # fmt: skip

    def environment(self) -> dict:
        """The environment of `sam`: the deployer's keys, and the emulator in place of AWS."""
        return processes.base_environment(self.folder) | self.deployer | {"AWS_ENDPOINT_URL": self.endpoint, "SAM_CLI_POLL_DELAY": "1"}

    # The steps.

    def start(self) -> str:
        self.types |= translated_types()
        handlers = permissions.handlers(self.types)
        identity = self.processes.enter_context(processes.local_stack(self.folder, self.ports["identity"], self.local_console))
        emulator = self.processes.enter_context(
            processes.emulator(self.folder, self.ports["emulator"], self.ports["api"], self.issuer, handlers)
        )
        identity.ready(f"{self.issuer}/.well-known/jwks.json")
        emulator.ready(f"{self.endpoint}/_ministack/health")
        return f"the emulator at {self.endpoint} and the identity service at {self.issuer}"

    def make_deployer(self) -> str:
        size = len("".join(POLICY.read_text().split()))
        if size > POLICY_LIMIT:
            raise Failed(f"{POLICY} has {size} characters; a role's policies may have {POLICY_LIMIT}")
        if wide := permissions.too_wide(self.policy):
            raise Failed("the policy must list named actions: " + ", ".join(wide))
        iam = self.client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}],
        }
        role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.put_role_policy(RoleName="deployer", PolicyName="deployer", PolicyDocument=json.dumps(self.policy))
        keys = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="emulate")["Credentials"]
        self.deployer = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
        return f"a role with {POLICY.relative_to(ROOT)}, {size} of {POLICY_LIMIT} characters"

    def parameters(self) -> list:
        values = {
            "Auth0Domain": processes.ISSUER_DOMAIN,
            "AllowedOrigin": "*",
            "DynamoDbEndpoint": self.endpoint,
            "AlarmEmail": "operator@emulator.internal",  # the emulator sends no e-mail
            "Console": "true",
        }
        return [f"{name}={value}" for name, value in values.items()]

    def deploy(self, *more: str) -> str:
        self.sam(
            "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", CONFIG, "--no-confirm-changeset", *more,
            "--parameter-overrides", *self.parameters(),
        )  # fmt: skip
        return f"{STACK}, {len(self.resources())} resources"

    def sam(self, *arguments: str) -> None:
        log = self.folder / f"sam-{arguments[0]}.log"
        with open(log, "wb") as output:
            done = subprocess.run(
                ["sam", *arguments], cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        if done.returncode:
            raise Failed(f"sam {arguments[0]} failed", log)

    def resources(self, stack: str = STACK) -> dict:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            resource["LogicalResourceId"]: resource
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def collection(self) -> str:
        folder = ROOT / "tests" / "postman"
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, stdin=subprocess.DEVNULL)
        report, log = self.folder / "newman.json", self.folder / "newman.log"
        command = [
            "node", "node_modules/newman/bin/newman.js", "run", "casting-agency.postman_collection.json",
            "--environment", "local.postman_environment.json",
            "--env-var", f"base_url={self.api}", "--env-var", f"identity_url={self.issuer}",
            "--reporters", "cli,json", "--reporter-json-export", str(report),
        ]  # fmt: skip
        with open(log, "wb") as output:
            subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        if not report.exists():
            raise Failed("newman did not finish", log)
        run = json.loads(report.read_text())["run"]
        counts = run["stats"]["assertions"]
        if run["stats"]["requests"]["failed"] or not counts["total"]:
            raise Failed("a request of the collection failed without a response", log)
        if problems := differences(run["failures"], KNOWN_DIFFERENCES):
            raise Failed("\n".join(["the collection:", *problems]), log)
        passed = counts["total"] - counts["failed"]
        return f"{passed} of {counts['total']} assertions; known to differ from AWS: {', '.join(name for name, _ in KNOWN_DIFFERENCES)}"

    def fill(self) -> str:
        for number in range(3):
            self.request("POST", "/actors", {"name": f"Actor {number}", "age": 40, "gender": "female"})
        self.rows = self.request("GET", "/actors")
        self.stored = self.count_items()
        return f"{len(self.rows['actors'])} actors, {self.stored} items in the tables"

    def update(self) -> str:
        """Deploys a change of every function, while the rows are there."""
        changed = BUILT.with_name("emulate-update.yaml")
        text = BUILT.read_text()
        if text.count("MemorySize: 128") != 1:
            raise Failed(f"{BUILT} should have MemorySize: 128 once")
        changed.write_text(text.replace("MemorySize: 128", "MemorySize: 256"))
        try:
            self.deploy("--template-file", str(changed))
        finally:
            changed.unlink()
        sizes = self.memory_sizes()
        if sizes != {256}:
            raise Failed(f"the functions have {sizes} MB after the update")
        self.check_rows("the update")
        return f"every function has changed; all {self.stored} items are still there"

    def roll_back(self) -> str:
        """Goes back to the template before the update, with the rows as they are now."""
        self.run("scripts/stack.py", "--config-env", CONFIG, "rollback")
        sizes = self.memory_sizes()
        if sizes != {128}:
            raise Failed(f"the functions have {sizes} MB after the rollback")
        self.check_rows("the rollback")
        return "the functions are the earlier ones; the items are still there"

    def memory_sizes(self) -> set:
        functions = [resource["PhysicalResourceId"] for resource in self.resources().values() if resource["ResourceType"] == "AWS::Lambda::Function"]
        return {self.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")["MemorySize"] for name in functions}

    def check_rows(self, after: str) -> None:
        if self.request("GET", "/actors") != self.rows or self.count_items() != self.stored:
            raise Failed(f"the rows are not the same after {after}", self.emulator_log)

    def break_permission(self) -> str:
        """Takes one permission from a role, sees the request fail, and gives it back."""
        iam, role = self.client("iam"), self.resources()["GetActorsRole"]["PhysicalResourceId"]
        (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        without = json.loads(json.dumps(policy))
        for statement in without["Statement"]:
            statement["Action"] = [action for action in permissions.as_list(statement["Action"]) if action != "dynamodb:Query"]
        without["Statement"] = [statement for statement in without["Statement"] if statement["Action"]]
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(without))
        try:
            status, headers, _ = self.send("GET", "/actors")
            if status != 500:
                raise Failed(f"GET /actors returns {status} without dynamodb:Query, not 500")
            line = self.log_line("GetActorsLog", headers["x-correlation-id"])
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
        if line["status"] != 500 or "AccessDenied" not in line.get("cause", ""):
            raise Failed(f"the log line does not name the cause: {line}")
        if self.request("GET", "/actors") != self.rows:
            raise Failed("GET /actors does not work again")
        return f"500, logged as: {line['cause']}"

    def log_line(self, group: str, correlation_id: str) -> dict:
        logs = self.client("logs")
        name = self.resources()[group]["PhysicalResourceId"]
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for event in logs.filter_log_events(logGroupName=name)["events"]:
                if correlation_id in event["message"]:
                    return json.loads(event["message"])
            time.sleep(0.2)  # the emulator writes logs after the response, like AWS
        raise Failed(f"no line of {correlation_id} in {name}", self.emulator_log)

    def console(self) -> str:
        """Copies the console, lets the script remove a file that is no part of it, and reads it as a browser would."""
        storage, bucket = self.client("s3"), self.outputs()["ConsoleBucket"]
        self.refuse_console()
        self.run_console("deploy")
        storage.put_object(Bucket=bucket, Key="old/module.js", Body=b"")
        self.run_console("deploy")
        names = {item["Key"] for item in storage.list_objects_v2(Bucket=bucket)["Contents"]}
        if names != served_names():
            raise Failed(f"the bucket has {sorted(names)}, not {sorted(served_names())}")
        for name in sorted(names):
            self.check_file(bucket, name)
        self.check_config()
        return f"{len(names)} files come with the headers of the local stack; the bucket itself sends them to nobody"

    def run_console(self, command: str) -> None:
        self.run("scripts/console.py", "--config-env", CONFIG, command, CONSOLE_CLIENT_ID="console")

    def empty_console(self) -> None:
        """On AWS, a bucket that has objects keeps the stack from being deleted."""
        self.run_console("empty")
        left = self.client("s3").list_objects_v2(Bucket=self.outputs()["ConsoleBucket"])
        if left["KeyCount"]:
            raise Failed(f"the console's bucket still has {left['Contents']}")

    def refuse_console(self) -> None:
        self.refuse("CONSOLE_CLIENT_ID is missing", "scripts/console.py", "--config-env", CONFIG, "deploy")
        for stack, problem in [(INDEX_STACK, "hosts no console"), (f"{INDEX_STACK}-missing", "there is no stack")]:
            self.refuse(problem, "scripts/console.py", "--stack-name", stack, "deploy", CONSOLE_CLIENT_ID="console")

    def outputs(self) -> dict:
        [stack] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def check_file(self, bucket: str, name: str) -> None:
        """A file comes through CloudFront with the headers of the local stack, and not from the bucket."""
        path = "/" if name == "index.html" else f"/{name}"
        status, headers, content = self.from_console(path)
        _, expected, _ = fetch(f"http://127.0.0.1:{self.local_console}{path}", {})
        for header in CONSOLE_HEADERS:
            if not expected[header] or headers[header] != expected[header]:
                raise Failed(f"{path} has {header}: {headers[header]}; on the local stack it has {expected[header]}")
        if not policy_of(expected) or policy_of(headers) != policy_of(expected):
            raise Failed(f"{path} has the policy {policy_of(headers)}; on the local stack it has {policy_of(expected)}")
        if status != 200 or "max-age" not in headers["strict-transport-security"]:
            raise Failed(f"{path} returns {status} with {headers}")
        if name != "config.json" and content != (ROOT / "console" / name).read_bytes():
            raise Failed(f"{path} is not the file of the repository")
        status, _, _ = fetch(f"{self.endpoint}/{bucket}/{name}", {})
        if status != 403:
            raise Failed(f"the bucket sends {name} to anybody: {status}")

    def check_config(self) -> None:
        _, _, content = self.from_console("/config.json")
        expected = {
            "api": self.outputs()["ConsoleApi"], "issuer": f"https://{processes.ISSUER_DOMAIN}/",
            "clientId": "console", "audience": "casting-agency",
        }  # fmt: skip
        if json.loads(content) != expected:
            raise Failed(f"config.json is {content.decode()}, not {expected}")

    def from_console(self, path: str) -> tuple:
        """A response of the emulated CloudFront, which knows a distribution by the request's host."""
        host = urllib.parse.urlsplit(self.outputs()["ConsoleUrl"]).hostname
        return fetch(self.endpoint + path, {"host": host, "x-forwarded-proto": "https"})

    def delete(self) -> str:
        self.empty_console()
        tables = self.tables()
        self.sam("delete", "--config-env", CONFIG, "--no-prompts")
        with contextlib.suppress(self.client("cloudformation").exceptions.ClientError):
            status = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            raise Failed(f"the stack is {status} after sam delete")
        if (kept := self.count_items(tables)) != self.stored:
            raise Failed(f"the tables have {kept} items after sam delete, not {self.stored}")
        if buckets := [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"] if bucket["Name"].startswith(STACK)]:
            raise Failed(f"sam delete has left {buckets}")
        if functions := self.client("lambda").list_functions()["Functions"]:
            raise Failed(f"{len(functions)} functions are left after sam delete")
        return f"the stack is gone; {len(tables)} tables are kept with {self.stored} items"

    def check_policy(self) -> str:
        """Whether the deployer's policy allows more than a deployment needs. It allows enough, or `sam` had failed."""
        lines = [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]
        made = [line for line in lines if ":assumed-role/deployer/" in line["principal"]]
        if denied := [f"{line['action']} on {line['resource']}" for line in made if not line["allowed"]]:
            raise Failed("the deployer's policy denied: " + ", ".join(denied))
        calls = {(line["action"], line["resource"]) for line in made}
        calls |= {(action, resource) for action, resource, _ in permissions.NOT_CHECKED_BY_EMULATOR}
        for operations in permissions.handlers(self.types).values():
            for action in set().union(*operations.values()):
                for name in (f"{STACK}-ConsoleBucket-1", "aws-sam-cli-managed-default-1"):
                    calls |= {(action, resource) for resource in permissions.resources_of(action, name, REGION, ACCOUNT)}
        if extra := permissions.unused(self.policy, calls):
            raise Failed("\n".join(["the deployer's policy allows what no deployment needs:", *extra]))
        actions = {action for statement in self.policy["Statement"] for action in permissions.as_list(statement["Action"])}
        return f"{len(made)} calls were allowed; none of the {len(actions)} actions is unused"

    # Requests to the API.

    def token(self, role: str) -> str:
        command = [str(processes.LOCAL), "token", role, "--identity-port", str(self.ports["identity"])]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder).stdout.strip()

    def send(self, method: str, path: str, body=None) -> tuple:
        headers = {"authorization": f"Bearer {self.token('producer')}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return fetch(self.api + path, headers, method, data)

    def request(self, method: str, path: str, body=None) -> dict:
        status, _, content = self.send(method, path, body)
        if status != 200:
            raise Failed(f"{method} {path} returns {status}: {content.decode(errors='replace')}", self.emulator_log)
        return json.loads(content)

    def tables(self) -> list:
        return [resource["PhysicalResourceId"] for resource in self.resources().values() if resource["ResourceType"] == "AWS::DynamoDB::Table"]

    def count_items(self, tables: list | None = None) -> int:
        dynamodb = self.client("dynamodb")
        return sum(dynamodb.scan(TableName=table, Select="COUNT")["Count"] for table in tables or self.tables())

    # Indexes.

    def indexes(self) -> str:
        """Starts from the tables without indexes, and lets the script add the template's."""
        template = tables_without_indexes()
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=INDEX_STACK, TemplateBody=json.dumps(template),
            Parameters=[
                dict(zip(("ParameterKey", "ParameterValue"), part.split("=", 1)))
                for part in [*self.parameters(), f"ActorsTableName={ATTACHED_TABLE}"]
            ],
        )  # fmt: skip
        cloudformation.get_waiter("stack_create_complete").wait(StackName=INDEX_STACK, WaiterConfig={"Delay": 1})
        dynamodb = self.client("dynamodb")
        actors = template["Resources"]["ActorsTable"]["Properties"]
        dynamodb.create_table(
            TableName=ATTACHED_TABLE, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=actors["AttributeDefinitions"], KeySchema=actors["KeySchema"],
        )  # fmt: skip
        tables = [resource["PhysicalResourceId"] for resource in self.resources(INDEX_STACK).values()] + [ATTACHED_TABLE]
        counts = {name: len(resource["Properties"].get("GlobalSecondaryIndexes", [])) for name, resource in built_tables().items()}
        wanted = sum(counts.values()) + counts["ActorsTable"]
        if has := sum(len(indexes_of(dynamodb, table)) for table in tables):
            raise Failed(f"the old layout has {has} indexes")
        self.apply_indexes("--dry-run")
        if sum(len(indexes_of(dynamodb, table)) for table in tables):
            raise Failed("--dry-run has added an index")
        self.apply_indexes("--one")  # as if it was interrupted
        self.apply_indexes()
        if (has := sum(len(indexes_of(dynamodb, table)) for table in tables)) != wanted:
            raise Failed(f"the tables have {has} indexes, not {wanted}")
        self.apply_indexes()  # nothing is left to do
        return f"{wanted} indexes added, one at a time for each table; {counts['ActorsTable']} of them to a table that is attached"

    def apply_indexes(self, *arguments: str) -> None:
        self.run("scripts/apply_indexes.py", "--stack-name", INDEX_STACK, *arguments)

    def run(self, script: str, *arguments: str, **variables: str) -> None:
        """Runs a script of the repository as the deployer."""
        done, log = self.finish(script, arguments, variables)
        if done.returncode:
            raise Failed(f"{script} {' '.join(arguments)} failed", log)

    def refuse(self, problem: str, script: str, *arguments: str, **variables: str) -> None:
        """The same, for a run that must name a problem and fail."""
        done, log = self.finish(script, arguments, variables)
        if done.returncode != 1 or problem not in done.stdout:
            raise Failed(f"{script} {' '.join(arguments)} should fail with: {problem}", log)

    def finish(self, script: str, arguments: tuple, variables: dict) -> tuple:
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *arguments], env=self.environment() | variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        log = self.folder / f"{pathlib.PurePath(script).stem}.log"
        with open(log, "a") as file:
            file.write(done.stdout)
        return done, log


def fetch(url: str, headers: dict, method: str = "GET", data: bytes | None = None) -> tuple:
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def served_names() -> set:
    """The console's files without those that only readers of the repository need."""
    folder = ROOT / "console"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"}


def policy_of(headers) -> str | None:
    """The content security policy, with names in place of the API and the issuer."""
    policy = headers.get("content-security-policy")
    return policy and re.sub(r"connect-src 'self' https?://[^ ;/]+ https?://[^ ;/]+;", "connect-src 'self' API ISSUER;", policy)


def differences(failures: list, known: dict) -> list:
    """What newman's failures and the known differences do not agree about."""
    failed = {(failure["source"]["name"], failure["error"]["test"]): failure["error"]["message"] for failure in failures}
    unknown = [f"{name}: {test}: {failed[name, test]}" for name, test in failed.keys() - known.keys()]
    gone = [f"{name}: {test}: holds now, remove it from KNOWN_DIFFERENCES" for name, test in known.keys() - failed.keys()]
    return sorted(unknown + gone)


def indexes_of(dynamodb, table: str) -> list:
    return dynamodb.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", [])


def built_tables() -> dict:
    resources = yaml_parse(BUILT.read_text())["Resources"]
    return {name: resource for name, resource in resources.items() if resource["Type"] == "AWS::DynamoDB::Table"}


def tables_without_indexes() -> dict:
    """The template's tables as they were before they had indexes."""
    template = yaml_parse(BUILT.read_text())
    tables = built_tables()
    for table in tables.values():
        properties = table["Properties"]
        properties.pop("GlobalSecondaryIndexes", None)
        keys = {key["AttributeName"] for key in properties["KeySchema"]}
        properties["AttributeDefinitions"] = [known for known in properties["AttributeDefinitions"] if known["AttributeName"] in keys]
    kept = {name: template[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions") if name in template}
    return kept | {"Resources": tables}


def translated_types() -> set:
    """The types of all resources that CloudFormation can make from the template."""
    everything = Stack(
        AlarmEmail="operator@emulator.internal", CustomDomain="api.emulator.internal",
        CertificateArn=f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1", Console="true",
    )  # fmt: skip
    return {resource["Type"] for resource in everything.resources.values()}


def step(name: str, work) -> None:
    started = time.monotonic()
    result = work()
    print(f"{time.monotonic() - started:5.1f} s  {name}: {result}", flush=True)


def steps(emulation: Emulation) -> None:
    step("start", emulation.start)
    step("deployer", emulation.make_deployer)
    step("sam deploy", emulation.deploy)
    step("collection", emulation.collection)
    step("rows", emulation.fill)
    step("update", emulation.update)
    step("rollback", emulation.roll_back)
    step("permission", emulation.break_permission)
    step("indexes", emulation.indexes)
    step("console", emulation.console)
    step("sam delete", emulation.delete)
    step("policy", emulation.check_policy)


def keep(emulation: Emulation) -> None:
    step("start", emulation.start)
    step("deployer", emulation.make_deployer)
    step("sam deploy", emulation.deploy)
    local = processes.LOCAL.relative_to(ROOT)
    print(f"""
The API        {emulation.api}
The emulator   {emulation.endpoint}
The issuer     {emulation.issuer}
The logs       {emulation.folder}

For another terminal, in the repository:

. .venv/bin/activate
export STACK={STACK} CONFIG={CONFIG} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}
export AWS_ENDPOINT_URL={emulation.endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export API_URL={emulation.api}
export TOKEN=$({local} token producer --identity-port {emulation.ports['identity']})

curl -s "$API_URL/actors" -H "authorization: Bearer $TOKEN"
scripts/stack.py --config-env $CONFIG templates
sam deploy --config-env $CONFIG --no-confirm-changeset --parameter-overrides {shlex.join(emulation.parameters())}

Tokens: assistant, director, producer or nobody. Ctrl-C stops and forgets everything.
""", flush=True)
    signal.pause()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--keep", action="store_true", help="keep the deployed stack until Ctrl-C")
    options = arguments.parse_args()
    for needed, target in ((BUILT, "make build"), (processes.LOCAL, "cargo build -p local"), (processes.EMULATOR_PYTHON, "make emulator")):
        if not needed.exists():
            sys.exit(f"{needed} is missing: {target}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))  # the processes end as on Ctrl-C
    ports = KEEP_PORTS if options.keep else {name: processes.free_port() for name in KEEP_PORTS}
    if used := [port for port in ports.values() if not processes.is_free(port)]:
        sys.exit(f"error: another program listens on port {', '.join(map(str, used))}; --keep needs {', '.join(map(str, ports.values()))}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="emulate-"))
    started = time.monotonic()
    try:
        with Emulation(folder, ports) as emulation:
            (keep if options.keep else steps)(emulation)
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        if failure.log:
            print(processes.tail(failure.log), file=sys.stderr)
        print(f"The logs are in {folder}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    print(f"The emulated deployment works; {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    os.environ.update(AWS_CONFIG_FILE=os.devnull, NO_PROXY="127.0.0.1")  # this script's own clients
    os.environ.pop("AWS_PROFILE", None)
    os.umask(0o077)  # the logs name rows
    sys.exit(main())
