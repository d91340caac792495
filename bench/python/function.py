"""GET /actors as it is typically written in Python: boto3, PyJWT with its own key client, and json. It stands beside the functions in the benchmark."""

import json
import os

import boto3
import jwt
from boto3.dynamodb.conditions import Key

ISSUER = f"https://{os.environ['AUTH0_DOMAIN']}/"
KEYS = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json", cache_keys=True)
ACTORS = boto3.resource("dynamodb").Table(os.environ["ACTORS_TABLE"])


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def handler(event, _context):
    try:
        token = event["headers"]["authorization"].removeprefix("Bearer ")
        key = KEYS.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=os.environ["API_AUDIENCE"], issuer=ISSUER)
    except jwt.PyJWTError as error:
        return answer(401, {"success": False, "error": 401, "message": str(error)})
    if "get:actors" not in claims.get("permissions", []):
        return answer(403, {"success": False, "error": 403, "message": "permission missing"})
    limit = int((event.get("queryStringParameters") or {}).get("limit", "100"))
    found = ACTORS.query(KeyConditionExpression=Key("bucket").eq(0) & Key("id").gt(0), Limit=limit, ConsistentRead=True)
    rows = [
        {"id": int(item["id"]), "name": item["name"], "age": int(item["age"]), "gender": item["gender"]}
        for item in found["Items"]
    ]
    return answer(200, {"success": True, "actors": rows})
