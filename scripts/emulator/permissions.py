"""The permissions that a deployment needs: its own calls, and those of CloudFormation in its name.

CloudFormation makes resources with its caller's permissions. AWS's resource schemas, which cfn-lint
ships, list what each type may need. What this template never needs is in NOT_NEEDED with the reason.
"""

import fnmatch
import json
import pathlib

# Patterns of permissions in the schemas, and why no deployment of this template needs them.
NOT_NEEDED = {
    "kms:*": "no resource has a key of its own",
    "ec2:*": "no function is in a VPC",
    "elasticfilesystem:*": "no function mounts a file system",
    "s3files:*": "no function mounts a file system",
    "s3tables:*": "the artifacts' bucket has no metadata tables",
    "kinesis:*": "no table has a stream",
    "firehose:*": "no log group has a delivery stream",
    "*KinesisStreamingDestination": "no table has a stream",
    "dynamodb:*Import*": "no table is imported",
    "dynamodb:*TableReplica": "no table is global",
    "dynamodb:*Item": "CloudFormation reads and writes rows only of global tables",
    "dynamodb:Query": "CloudFormation reads and writes rows only of global tables",
    "dynamodb:Scan": "CloudFormation reads and writes rows only of global tables",
    "dynamodb:*ResourcePolicy": "no table has a policy of its own",
    "dynamodb:DeleteTable": "the stack keeps its tables, so a deployment can delete none",
    "dynamodb:UpdateContributorInsights": "no table has contributor insights",
    "*PermissionsBoundary": "no role has a permissions boundary",
    "iam:CreateServiceLinkedRole": "only global tables need one",
    "lambda:*ProvisionedConcurrencyConfig": "no alias has provisioned concurrency",
    "lambda:*CodeSigningConfig": "no function has a code signing configuration",
    "lambda:PutRuntimeManagementConfig": "runtimes are updated by AWS",
    "lambda:*ScalingConfig": "no function has a scaling configuration",
    "lambda:*RecursionConfig": "no function calls itself",
    "lambda:*CapacityProvider": "no function has a capacity provider",
    "lambda:AssociateRuntimeAlias": "runtimes are updated by AWS",
    "lambda:GetLayerVersion": "no function has layers",
    "logs:*BearerTokenAuthentication": "no log group accepts bearer tokens",
    "logs:*DataProtectionPolicy": "no log group masks data",
    "logs:*DeletionProtection": "no log group is protected",
    "logs:*IndexPolicy": "no log group has an index",
    "logs:*IndexPolicies": "no log group has an index",
    "logs:*KmsKey": "no log group has a key of its own",
    "logs:DeleteResourcePolicy": "no log group has a policy of its own",
    "s3:REST.PUT.OBJECT": "it is not an action of IAM",
    "s3:GetObjectMetadata": "it is not an action of IAM",
    "sns:*DataProtectionPolicy": "the topic masks no data",
    "codedeploy:*OnPremisesInstance": "only functions are deployed",
    "cloudfront:*ConnectionGroup": "the distribution serves one tenant",
    "cloudfront:*VpcOrigin": "the origin is a bucket",
    "cloudfront:*StagingConfig": "the distribution has no staging distribution",
    "cloudfront:CreateDistributionWithTags": "it is not an action of IAM",
    # The artifacts' bucket, which SAM makes and never deletes, and the console's have public access blocked,
    # encryption, tags and a policy; the former also has versions.
    "s3:*Abac": "the bucket does not have it",
    "s3:*Accelerate*": "the bucket does not have it",
    "s3:*Analytics*": "the bucket does not have it",
    "s3:*Acl": "the bucket does not have it",
    "s3:*CORS": "the bucket does not have it",
    "s3:*Cors": "the bucket does not have it",
    "s3:*IntelligentTiering*": "the bucket does not have it",
    "s3:*Inventory*": "the bucket does not have it",
    "s3:*Lifecycle*": "the bucket does not have it",
    "s3:*Logging": "the bucket does not have it",
    "s3:*Metadata*": "the bucket does not have it",
    "s3:*Metrics*": "the bucket does not have it",
    "s3:*Notification": "the bucket does not have it",
    "s3:*ObjectLock*": "the bucket does not have it",
    "s3:*Ownership*": "the bucket does not have it",
    "s3:*Replication*": "the bucket does not have it",
    "s3:*Website": "the bucket does not have it",
}  # fmt: skip

# The same for one type: (type, pattern, reason).
NOT_NEEDED_BY = [
    ("AWS::DynamoDB::Table", "s3:*", "no table is imported"),
    ("AWS::DynamoDB::Table", "logs:*", "no table is imported"),
    ("AWS::ApiGatewayV2::*", "s3:*", "the API's body is in the template"),
    ("AWS::S3::*", "iam:*", "the bucket is not replicated"),
    ("AWS::S3::*", "s3:*Object", "the bucket is made empty, and must be empty to be deleted"),
    ("AWS::SNS::*", "iam:*", "no role is passed for the delivery status"),
]

# What the schemas leave out: (type, operations, permissions, where AWS says so).
MISSING_IN_SCHEMAS = [
    (
        "AWS::ApiGatewayV2::Stage",
        ["create", "update", "delete"],
        ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
         "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"],
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html",
    ),
]  # fmt: skip

# Calls that AWS checks and the emulator does not: (action, resource, where AWS says so).
NOT_CHECKED_BY_EMULATOR = [
    (
        "cloudformation:CreateChangeSet",
        "arn:aws:cloudformation:eu-central-1:aws:transform/Serverless-2016-10-31",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html",
    ),
]

# Which service a role is passed to, by the type that it is passed for.
PASSED_TO = {
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
}

TAGS = ("ListTagsForResource", "TagResource", "UntagResource")

# Actions for which IAM knows no resource.
ON_ALL_RESOURCES = {
    "cloudfront:CreateDistribution", "cloudfront:CreateOriginAccessControl", "cloudfront:CreateResponseHeadersPolicy",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DeleteQueryDefinition", "logs:DescribeLogGroups",
    "logs:DescribeQueryDefinitions", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
    "logs:PutQueryDefinition", "logs:PutResourcePolicy", "logs:UpdateLogDelivery", "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
}  # fmt: skip


def handlers(kinds: set) -> dict:
    """What CloudFormation needs for each type: {type: {operation: permissions}}."""
    import cfnlint

    schemas = pathlib.Path(cfnlint.__file__).parent / "data" / "schemas"
    files = json.loads((schemas / "providers" / "eu-central-1.json").read_text())
    return {kind: operations(kind, json.loads((schemas / "resources" / f"{files[kind]}.json").read_text())) for kind in kinds}


def operations(kind: str, schema: dict) -> dict:
    listed = {name: handler.get("permissions", []) for name, handler in schema.get("handlers", {}).items()}
    found = {}
    for operation in ("create", "update", "delete"):
        actions = set(listed.get(operation, []))
        if operation != "delete":  # CloudFormation reads what it has made
            actions |= set(listed.get("read", []))
        for also, during, permissions, _ in MISSING_IN_SCHEMAS:
            if kind == also and operation in during:
                actions |= set(permissions)
        found[operation] = sorted(action for action in actions if not not_needed(kind, action))
    return found


def not_needed(kind: str, action: str) -> bool:
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in NOT_NEEDED) or any(
        fnmatch.fnmatchcase(kind, kinds) and fnmatch.fnmatchcase(action, pattern) for kinds, pattern, _ in NOT_NEEDED_BY
    )


def resources_of(action: str, name: str, region: str, account: str) -> list:
    """The resources on which CloudFormation needs an action to make the resource of this name."""
    if action in ON_ALL_RESOURCES:
        return ["*"]
    here = f"{region}:{account}"
    match action.split(":")[0]:
        case "apigateway" if "Certificate" in action:
            return [f"arn:aws:apigateway:{region}::/domainnames/{name}"]
        case "apigateway":
            paths = ["/apis", f"/apis/{name}", "/domainnames", f"/domainnames/{name}", f"/tags/{name}"]
            return [f"arn:aws:apigateway:{region}::{path}" for path in paths]
        case "billing":
            return [f"arn:aws:billing::{account}:billingview/primary"]
        case "budgets":
            return [f"arn:aws:budgets::{account}:budget/{name}"]
        case "cloudfront" if action.endswith("OriginAccessControl"):
            return [f"arn:aws:cloudfront::{account}:origin-access-control/{name}"]
        case "cloudfront" if action.endswith("ResponseHeadersPolicy"):
            return [f"arn:aws:cloudfront::{account}:response-headers-policy/{name}"]
        case "cloudfront":
            return [f"arn:aws:cloudfront::{account}:distribution/{name}"]
        case "cloudwatch" if "Dashboard" in action:
            return [f"arn:aws:cloudwatch::{account}:dashboard/{name}"]
        case "cloudwatch" if action.endswith(TAGS):
            return [f"arn:aws:cloudwatch:{here}:alarm:{name}", f"arn:aws:cloudwatch::{account}:dashboard/{name}"]
        case "cloudwatch":
            return [f"arn:aws:cloudwatch:{here}:alarm:{name}"]
        case "codedeploy" if "DeploymentConfig" in action:
            return [f"arn:aws:codedeploy:{here}:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce"]
        case "codedeploy" if action.endswith(TAGS):
            return [f"arn:aws:codedeploy:{here}:application:{name}", f"arn:aws:codedeploy:{here}:deploymentgroup:{name}/{name}"]
        case "codedeploy" if "Group" in action or action.endswith(("Deployment", "Deployments")):
            return [f"arn:aws:codedeploy:{here}:deploymentgroup:{name}/{name}"]
        case "codedeploy":
            return [f"arn:aws:codedeploy:{here}:application:{name}"]
        case "dynamodb":
            return [f"arn:aws:dynamodb:{here}:table/{name}"]
        case "iam":
            return [f"arn:aws:iam::{account}:role/{name}"]
        case "lambda":
            return [f"arn:aws:lambda:{here}:function:{name}"]
        case "logs":
            return [f"arn:aws:logs:{here}:log-group:{name}:*"]
        case "s3" if "Object" in action:
            return [f"arn:aws:s3:::aws-sam-cli-managed-default-1/{name}"]
        case "s3":
            return [f"arn:aws:s3:::{name.lower()}"]
        case "sns":
            return [f"arn:aws:sns:{here}:{name}"]
    raise ValueError(f"{action}: a service that resources_of does not know")


def contexts_of(action: str, kind: str, properties: dict) -> list:
    """The conditions under which CloudFormation needs an action."""
    if action == "iam:PassRole":
        return [{"iam:PassedToService": PASSED_TO[kind]}]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        return [{"iam:PolicyARN": arn} for arn in properties.get("ManagedPolicyArns", [])]
    return [{}]


def unused(policy: dict, calls: set) -> list:
    """The pairs of an action and a resource that the policy allows and no call needs."""
    found = []
    for statement in policy["Statement"]:
        for action in as_list(statement["Action"]):
            for pattern in as_list(statement["Resource"]):
                if not any(action == called and fnmatch.fnmatchcase(resource, pattern) for called, resource in calls):
                    found.append(f"{statement.get('Sid', '?')}: {action} on {pattern}")
    return found


def too_wide(policy: dict) -> list:
    """Statements that are no list of named actions."""
    return [
        f"{statement.get('Sid', '?')}: {action}"
        for statement in policy["Statement"]
        for action in as_list(statement["Action"])
        if "*" in action or statement["Effect"] != "Allow"
    ]


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]
