#!/usr/bin/env python3
"""Runs ministack with what it lacks for this stack, so that the real template can be deployed to it.

Everything in this file exists only for the emulator:

- API Gateway takes routes, integrations and CORS from the API's OpenAPI body, as it does on AWS.
- CloudFormation accepts the resource types in PLACEHOLDERS, and records them without an effect.
- CloudFormation acts with its caller's permissions: it checks those that AWS's resource schemas list.
- Every decision about a permission is written to a file.
- Requests count as sent over TLS.
- A second port serves the newest API, since few clients resolve names below localhost.
- A domain stands for the local identity service, which has none.

It reads these variables beside ministack's own: EMULATOR_API_PORT, EMULATOR_DOMAIN and
EMULATOR_ISSUER (the domain, and the URL that it stands for), EMULATOR_CALLS (the file of decisions)
and EMULATOR_HANDLERS (the permissions of each resource type, as JSON).
"""

import asyncio
import contextvars
import functools
import json
import os
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, lambda_svc
from ministack.services.cloudformation import provisioners, stacks

from permissions import contexts_of, resources_of

PORT = int(os.environ["GATEWAY_PORT"])
API_PORT = int(os.environ["EMULATOR_API_PORT"])
DOMAIN, ISSUER = os.environ["EMULATOR_DOMAIN"], os.environ["EMULATOR_ISSUER"]
CALLS = open(os.environ["EMULATOR_CALLS"], "a", buffering=1)
with open(os.environ["EMULATOR_HANDLERS"]) as file:
    HANDLERS = json.load(file)

# ministack has no provisioner for them. None of them takes part in a request.
PLACEHOLDERS = [
    "AWS::Budgets::Budget",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Logs::QueryDefinition",
]


# API Gateway: the OpenAPI body.

def import_body(api_id: str, properties: dict) -> None:
    """Replaces the API's routes, integrations and CORS by those in its body."""
    body = properties.get("Body")
    if not body:
        return
    routes, integrations = {}, {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            integration = operation["x-amazon-apigateway-integration"]
            uri = integration["uri"]
            integrations[uri] = integration
            if path == "/$default":
                key = "$default"
            else:
                key = f"{'ANY' if method == 'x-amazon-apigateway-any-method' else method.upper()} {path}"
            routes[key] = uri
    apigateway._routes[api_id] = {}
    apigateway._integrations[api_id] = {}
    targets = {uri: create_integration(api_id, uri, integration) for uri, integration in integrations.items()}
    for key, uri in routes.items():
        created(apigateway._create_route(api_id, {"routeKey": key, "target": f"integrations/{targets[uri]}"}))
    if cors := body.get("x-amazon-apigateway-cors"):
        apigateway._apis[api_id]["corsConfiguration"] = cors


def create_integration(api_id: str, uri: str, integration: dict) -> str:
    settings = {
        "integrationType": integration["type"].upper(),
        "integrationUri": uri,
        "integrationMethod": integration["httpMethod"],
        "payloadFormatVersion": integration["payloadFormatVersion"],
    }
    return created(apigateway._create_integration(api_id, settings))["integrationId"]


def created(response: tuple) -> dict:
    status, _, body = response
    if status >= 400:
        raise ValueError(f"API Gateway: {status} {body!r}")
    return json.loads(body)


def import_bodies() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handler["create"], handler["update"]

    def create_with_body(logical_id, properties, stack_name):
        api_id, attributes = create(logical_id, properties, stack_name)
        import_body(api_id, properties)
        return api_id, attributes

    def update_with_body(physical_id, old, new, stack_name, logical_id=None):
        api_id, attributes = update(physical_id, old, new, stack_name, logical_id)
        import_body(api_id, new)
        return api_id, attributes

    handler.update(create=create_with_body, update=update_with_body)


# CloudFormation: resource types that are only recorded.

def add_placeholders() -> None:
    def create(logical_id, properties, stack_name):
        return provisioners._physical_name(stack_name, logical_id), {}

    def update(physical_id, old, new, stack_name):
        return physical_id, {}

    def delete(physical_id, properties):
        pass

    for kind in PLACEHOLDERS:
        if kind in provisioners._RESOURCE_HANDLERS:
            raise SystemExit(f"ministack has {kind} now: remove it from PLACEHOLDERS")
        provisioners._RESOURCE_HANDLERS[kind] = {"create": create, "update": update, "delete": delete}


# IAM: a record of each decision, and CloudFormation with its caller's permissions.

caller = contextvars.ContextVar("caller", default="")


def record_decisions() -> None:
    enforce = iam_evaluator.enforce

    def recorded(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key_id, iam_action, service, region, resource_arn=resource_arn, service_context=service_context)
        if service == "cloudformation":
            caller.set(access_key_id)  # the tasks that the request starts inherit it
        record(access_key_id, iam_action, resource_arn, denied is None, by="request")
        return denied

    iam_evaluator.enforce = recorded


@functools.cache
def principal(access_key_id: str, account: str) -> str:
    return getattr(iam_evaluator.resolve_principal(access_key_id, account), "arn", access_key_id)


def record(access_key_id: str, action: str, resource: str, allowed: bool, by: str) -> None:
    decision = {
        "by": by,
        "principal": principal(access_key_id or "", get_account_id()),
        "action": action,
        "resource": resource,
        "allowed": allowed,
    }
    CALLS.write(json.dumps(decision) + "\n")


def check_caller(kind: str, operation: str, name: str, properties: dict) -> None:
    """Fails as CloudFormation does if its caller may not do what the operation needs."""
    region, account = get_region(), get_account_id()
    who = iam_evaluator.resolve_principal(caller.get(), account)
    for action in HANDLERS.get(kind, {}).get(operation, []):
        for resource in resources_of(action, name, region, account):
            for context in contexts_of(action, kind, properties):
                allowed = may(who, action, resource, context)
                record(caller.get(), action, resource, allowed, by=f"{operation} {kind}")
                if not allowed:
                    raise ValueError(f"AccessDenied: not authorized to perform: {action} on resource: {resource} {context or ''}".rstrip())


def name_of(kind: str, logical_id: str, properties: dict, stack_name: str) -> str:
    """A name as CloudFormation makes it. A bucket's policy belongs to the bucket."""
    return properties["Bucket"] if kind == "AWS::S3::BucketPolicy" else f"{stack_name}-{logical_id}-1"


def may(who, action: str, resource: str, context: dict) -> bool:
    if who.policies is None:  # root
        return True
    request = iam_evaluator.EvalContext(
        principal_arn=who.arn, principal_type=who.type, principal_account=who.account, action=action, resource_arn=resource,
        region=get_region(), service_context={name.lower(): value for name, value in context.items()}, principal_keys=who.keys,
    )  # fmt: skip
    return iam_evaluator.evaluate(request, who.policies, *who.limits).decision == "Allow"


def check_callers() -> None:
    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def checked_provision(kind, logical_id, properties, stack_name):
        check_caller(kind, "create", name_of(kind, logical_id, properties, stack_name), properties)
        return provision(kind, logical_id, properties, stack_name)

    def checked_update(kind, physical_id, old, new, stack_name, logical_id=None, attributes=None):
        if old != new:
            check_caller(kind, "update", name_of(kind, logical_id, new, stack_name), new)
        return update(kind, physical_id, old, new, stack_name, logical_id, attributes)

    def checked_delete(kind, physical_id, properties, stack_name=None, logical_id=None):
        check_caller(kind, "delete", name_of(kind, logical_id, properties, stack_name), properties)
        return delete(kind, physical_id, properties, stack_name, logical_id)

    stacks._provision_resource = checked_provision
    stacks._update_resource = checked_update
    stacks._delete_resource = checked_delete


# IAM: the transport.

def pretend_tls() -> None:
    """SAM's bucket denies requests without TLS. The emulator has none, and is on this machine only."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)


# Lambda: the issuer.

def trust_local_issuer() -> None:
    """The template accepts a domain only, and the local identity service is at a port of 127.0.0.1."""
    environment = lambda_svc._provided_worker_env

    def with_issuer(config, code_dir, port):
        variables = environment(config, code_dir, port)
        if variables.get("AUTH0_DOMAIN") == DOMAIN:
            variables["AUTH0_DOMAIN"] = ISSUER
        return variables

    lambda_svc._provided_worker_env = with_issuer


# HTTP: a port for the API.

async def with_api_port(scope, receive, send):
    """Serves requests on the second port as if they were sent to the newest API's own name."""
    if scope["type"] == "http" and scope["server"][1] == API_PORT:
        host = f"{newest_api()}.execute-api.localhost:{PORT}"
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope = {**scope, "headers": [*others, (b"host", host.encode())]}
    await app.app(scope, receive, send)


def newest_api() -> str:
    apis = [api["apiId"] for api in apigateway._apis.to_dict().values() if api["protocolType"] == "HTTP"]
    return apis[-1] if apis else "00000000"


async def main() -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{PORT}", f"127.0.0.1:{API_PORT}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(with_api_port, config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    import_bodies()
    add_placeholders()
    record_decisions()
    check_callers()
    pretend_tls()
    trust_local_issuer()
    asyncio.run(main())
