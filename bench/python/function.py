"""Actors and movies as they are typically served by a function in Python: boto3, PyJWT with its own key client, and json. It stands beside the functions
in the benchmark: lists in the order of ids, rows, creations, changes and deletions, and nothing of what else the contract has."""

import json
import os

import boto3
import jwt
from boto3.dynamodb.conditions import Attr, Key

ISSUER = f"https://{os.environ['AUTH0_DOMAIN']}/"
KEYS = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json", cache_keys=True)
DYNAMODB = boto3.resource("dynamodb")
TABLES = {"actors": DYNAMODB.Table(os.environ["ACTORS_TABLE"]), "movies": DYNAMODB.Table(os.environ["MOVIES_TABLE"])}
FIELDS = {"actors": ["name", "age", "gender"], "movies": ["title", "release_date"]}


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body, default=int)}


def row(item, resource):
    return {name: item.get(name) for name in ["id", *FIELDS[resource]]}


def key(number):
    return {"bucket": number // 1000, "id": number}


def serve(event, method, resource, table):
    parameters = event.get("pathParameters") or {}
    number = next((int(value) for value in parameters.values()), None)
    body = json.loads(event.get("body") or "{}")
    if method == "POST":
        counter = {"bucket": -1, "id": 0}
        counted = table.update_item(
            Key=counter, UpdateExpression="ADD last_id :one", ExpressionAttributeValues={":one": 1}, ReturnValues="UPDATED_NEW"
        )
        item = {**key(int(counted["Attributes"]["last_id"])), **body, "version": 1}
        table.put_item(Item=item, ConditionExpression=Attr("id").not_exists())
        return [row(item, resource)]
    if method == "PATCH":
        names = {f"#{name}": name for name in body} | {"#version": "version"}
        changed = table.update_item(
            Key=key(number),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in body) + " ADD #version :one",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in body.items()} | {":one": 1},
            ConditionExpression=Attr("id").exists(),
            ReturnValues="ALL_NEW",
        )
        return [row(changed["Attributes"], resource)]
    if method == "DELETE":
        table.delete_item(Key=key(number), ConditionExpression=Attr("id").exists())
        return []
    if number is not None:
        return [row(table.get_item(Key=key(number), ConsistentRead=True)["Item"], resource)]
    limit = int((event.get("queryStringParameters") or {}).get("limit", "100"))
    found = table.query(KeyConditionExpression=Key("bucket").eq(0) & Key("id").gt(0), Limit=limit, ConsistentRead=True)
    return [row(item, resource) for item in found["Items"]]


def handler(event, _context):
    method, path = event["routeKey"].split(" ")
    resource = path.split("/")[1]
    try:
        token = event["headers"]["authorization"].removeprefix("Bearer ")
        signed_with = KEYS.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, signed_with, algorithms=["RS256"], audience=os.environ["API_AUDIENCE"], issuer=ISSUER)
    except jwt.PyJWTError as error:
        return answer(401, {"success": False, "error": 401, "message": str(error)})
    if f"{method.lower()}:{resource}" not in claims.get("permissions", []):
        return answer(403, {"success": False, "error": 403, "message": "permission missing"})
    return answer(200, {"success": True, resource: serve(event, method, resource, TABLES[resource])})
