"""What CloudFormation would make of template.yaml: aliases, alarms, attached tables, limits, rules."""

import functools
import json
import pathlib
import sys
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import translated  # noqa: E402


DOMAIN = {"Auth0Domain": "agency.eu.auth0.com"}
EMAIL = {"AlarmEmail": "ops@agency.tld"}
TABLES = {f"{table}TableName": f"restored-{table.lower()}" for table in ("Actors", "Movies", "Credits")}
CUSTOM_DOMAIN = {
    "CustomDomain": "api.agency.tld",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b",
    "BasePath": "v1",
}
CONSOLE_DOMAIN = {
    "Console": "true",
    "ConsoleDomain": "casting.agency.tld",
    "ConsoleCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
}
MOST_ALARMS = 5  # of each stack: two stacks share the account's ten that are free
MOST_DASHBOARD_METRICS = 50  # of a dashboard that is free
MOST_DESCRIPTION = 256  # characters of a version's description


@functools.cache
def stack_of(given: frozenset) -> translated.Stack:
    return translated.Stack(**dict(given))


def stack(**given: str) -> translated.Stack:
    """A stack, translated once for all tests. No test may change it."""
    return stack_of(frozenset(given.items()))


def environments() -> dict:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return {name: section["deploy"]["parameters"] for name, section in config.items() if isinstance(section, dict) and "deploy" in section}


def overrides(environment: dict) -> dict:
    return dict(override.split("=", 1) for override in environment["parameter_overrides"])


class Parameters(unittest.TestCase):
    def test_the_placeholders_of_every_environment_are_rejected_and_own_values_accepted(self):
        for name, environment in environments().items():
            given = overrides(environment)
            self.assertTrue(any("placeholder" in problem for problem in stack(**given).problems()), name)
            own = given | DOMAIN | {"AllowedOrigin": "https://app.agency.tld"}
            self.assertEqual(stack(**own).problems(), [], name)

    def test_the_rules_reject_the_placeholders_without_the_patterns(self):
        given = {"Auth0Domain": "your-tenant.us.auth0.com", "AllowedOrigin": "https://app.example.com"}
        broken = list(stack(**given).broken_rules())
        self.assertEqual([problem.split()[0] for problem in broken], ["Auth0Domain", "AllowedOrigin"])

    def test_each_parameter_is_checked_before_anything_is_changed(self):
        for given, problem in [
            ({}, None),
            ({"Auth0Domain": "your-tenant.eu.auth0.com"}, "Auth0Domain must"),
            ({"Auth0Domain": "login.example.com"}, "Auth0Domain must"),
            ({"Auth0Domain": "example-agency.com"}, None),
            ({"Auth0Domain": "https://agency.eu.auth0.com"}, "Auth0Domain must"),
            ({"AllowedOrigin": "https://www.example.org:8443"}, "AllowedOrigin must"),
            ({"AllowedOrigin": "https://counterexample.org"}, None),
            ({"AllowedOrigin": "*"}, None),
            ({"AlarmEmail": "ops@example.com"}, "AlarmEmail must"),
            ({"AlarmEmail": "ops"}, "AlarmEmail must"),
            (EMAIL, None),
            ({"MonthlyBudgetDollars": "-1"}, "MonthlyBudgetDollars must"),
            ({"MonthlyBudgetDollars": "0"}, None),
            ({"DeploymentPreference": "Canary"}, "DeploymentPreference must"),
            ({"ActorsTableName": "a table"}, "ActorsTableName must"),
            (TABLES, None),
            ({"ReservedConcurrency": "0"}, None),
            ({"ReservedConcurrency": "-1"}, "ReservedConcurrency must"),
            ({"ThrottlingRateLimit": "0"}, "ThrottlingRateLimit is too small"),
            ({"MaxTableReadUnits": "5"}, "Set both MaxTableReadUnits"),
            ({"MaxTableReadUnits": "5", "MaxTableWriteUnits": "5"}, None),
            ({"MaxTableReadUnits": "-1", "MaxTableWriteUnits": "-1"}, None),
            ({"DynamoDbEndpoint": "https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com"}, None),
            ({"DynamoDbEndpoint": "http://172.17.0.1:8000"}, None),
            ({"DynamoDbEndpoint": "ftp://host"}, "DynamoDbEndpoint must"),
            ({"DynamoDbEndpoint": "https://host", "UseFipsEndpoint": "true"}, "DynamoDbEndpoint cannot"),
            ({"UseFipsEndpoint": "true", "UseDualStackEndpoint": "true"}, None),
            (CUSTOM_DOMAIN, None),
            (CUSTOM_DOMAIN | {"CertificateArn": ""}, "CustomDomain needs"),
            (CUSTOM_DOMAIN | {"CustomDomain": ""}, "BasePath needs"),
            (CUSTOM_DOMAIN | {"BasePath": "/v1"}, "BasePath must"),
            ({"Console": "yes"}, "Console must"),
            (CONSOLE_DOMAIN, None),
            (CONSOLE_DOMAIN | {"Console": "false"}, "ConsoleDomain needs Console=true"),
            (CONSOLE_DOMAIN | {"ConsoleCertificateArn": ""}, "ConsoleDomain needs ConsoleCertificateArn"),
            (CONSOLE_DOMAIN | {"ConsoleDomain": "casting.example.com"}, "ConsoleDomain must"),
            (CONSOLE_DOMAIN | {"ConsoleCertificateArn": CUSTOM_DOMAIN["CertificateArn"]}, "ConsoleCertificateArn must"),
        ]:
            with self.subTest(given=given):
                problems = stack(**(DOMAIN | given)).problems()
                self.assertEqual(bool(problems), problem is not None, problems)
                self.assertTrue(problem is None or problems[0].startswith(problem), problems)

    def test_a_missing_domain_is_an_error(self):
        self.assertEqual(stack().problems(), ["Auth0Domain is missing"])

    def test_each_environment_keeps_its_artifacts_in_a_folder_of_its_own(self):
        for name, environment in environments().items():
            self.assertEqual(environment["s3_prefix"], environment["stack_name"], name)
        prefixes = [environment["s3_prefix"] for environment in environments().values()]
        self.assertEqual(len(set(prefixes)), len(prefixes))


class Aliases(unittest.TestCase):
    def test_every_function_has_a_version_an_alias_and_a_deployment_group(self):
        made = stack(**DOMAIN)
        functions = made.of_type("AWS::Lambda::Function")
        self.assertEqual(len(functions), 8)
        for name in functions:
            version, _ = published(made, name)
            self.assertEqual(made.resources[version]["DeletionPolicy"], "Retain", name)
            alias = made.resources[f"{name}Aliaslive"]
            expected = {"Name": "live", "FunctionName": {"Ref": name}, "FunctionVersion": {"Fn::GetAtt": [version, "Version"]}}
            self.assertEqual(alias["Properties"], expected)
            group = {"ApplicationName": {"Ref": "ServerlessDeploymentApplication"}, "DeploymentGroupName": {"Ref": f"{name}DeploymentGroup"}}
            self.assertEqual(alias["UpdatePolicy"], {"CodeDeployLambdaAliasUpdate": group})
            self.assertIn(f"{name}DeploymentGroup", made.of_type("AWS::CodeDeploy::DeploymentGroup"))

    def test_every_integration_and_permission_is_for_an_alias(self):
        made = stack(**DOMAIN)
        aliases = set(made.of_type("AWS::Lambda::Alias"))
        permissions = made.of_type("AWS::Lambda::Permission").values()
        allowed = [permission["Properties"]["FunctionName"]["Ref"] for permission in permissions]
        self.assertEqual(set(allowed), aliases)
        paths = made.resources["Api"]["Properties"]["Body"]["paths"]
        called = []
        for methods in paths.values():
            for operation in methods.values():
                uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
                called.append(uri.split("/functions/${")[1].removesuffix("}/invocations"))
        self.assertEqual(set(called), aliases)
        self.assertEqual(len(called), len(allowed))

    def test_the_deployment_preference_is_a_parameter_and_all_at_once_by_default(self):
        for given, name in [({}, "AllAtOnce"), ({"DeploymentPreference": "Canary10Percent5Minutes"}, "Canary10Percent5Minutes")]:
            for group in stack(**DOMAIN, **given).of_type("AWS::CodeDeploy::DeploymentGroup").values():
                self.assertEqual(group["Properties"]["DeploymentConfigName"], f"CodeDeployDefault.Lambda{name}")

    def test_a_parameter_publishes_a_version_of_exactly_the_functions_that_it_configures(self):
        # The translator does not see a changed parameter, and Lambda publishes no version of an
        # unchanged function. So a version's description must change if, and only if, the function does.
        before = stack(**DOMAIN)
        for given in [
            {"Auth0Domain": "other.eu.auth0.com"},
            {"ApiAudience": "other"},
            {"DynamoDbEndpoint": "https://vpce-1.vpce.amazonaws.com"},
            {"UseFipsEndpoint": "true"},
            {"UseDualStackEndpoint": "true"},
            {"Tracing": "Active"},
            {"BasePath": "v1"},
            *({name: table} for name, table in TABLES.items()),
            {"AllowedOrigin": "https://app.agency.tld"},
            {"ReservedConcurrency": "5"},
            {"LogRetentionDays": "7"},
            {"Console": "true"},
            EMAIL,
        ]:
            after = stack(**(DOMAIN | given))
            for name in before.of_type("AWS::Lambda::Function"):
                with self.subTest(given=given, function=name):
                    self.assertEqual(configuration(before, name) != configuration(after, name), published(before, name) != published(after, name))

    def test_the_description_of_a_version_has_room_for_the_names_of_tables(self):
        # CloudFormation's own names have the stack's name, the table's and 13 characters.
        kept = {name: f"casting-agency-production-{name.removesuffix('Name')}-1ABCDEFGHIJKL" for name in TABLES}
        made = stack(**DOMAIN, **kept, BasePath="v1")
        for version in made.of_type("AWS::Lambda::Version").values():
            self.assertLessEqual(len(version["Properties"]["Description"]), MOST_DESCRIPTION)


def configuration(made: translated.Stack, function: str) -> dict:
    """What a version keeps of a function. Reserved concurrency is the function's own."""
    properties = made.resources[function]["Properties"]
    return {name: value for name, value in properties.items() if name != "ReservedConcurrentExecutions"}


def published(made: translated.Stack, function: str) -> tuple:
    """What makes CloudFormation publish a version if it changes: the logical id and the description."""
    versions = made.of_type("AWS::Lambda::Version").items()
    [found] = [(name, version["Properties"]["Description"]) for name, version in versions if version["Properties"]["FunctionName"] == {"Ref": function}]
    return found


class Alarms(unittest.TestCase):
    KINDS = ["AWS::CloudWatch::Alarm", "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::Logs::MetricFilter", "AWS::Budgets::Budget"]

    def test_there_are_no_alarms_topic_or_budget_without_an_email_address(self):
        made = stack(**DOMAIN)
        for kind in self.KINDS:
            self.assertEqual(made.of_type(kind), {})
        for group in made.of_type("AWS::CodeDeploy::DeploymentGroup").values():
            self.assertEqual(group["Properties"]["AlarmConfiguration"], {})

    def test_each_alarm_has_one_metric_and_two_stacks_need_no_more_than_ten(self):
        alarms = stack(**DOMAIN, **EMAIL).of_type("AWS::CloudWatch::Alarm")
        self.assertEqual(len(alarms), MOST_ALARMS)
        for name, alarm in alarms.items():
            self.assertNotIn("Metrics", alarm["Properties"], name)
            self.assertEqual(alarm["Properties"]["AlarmActions"], [{"Ref": "AlarmTopic"}], name)
            self.assertEqual(alarm["Properties"]["TreatMissingData"], "notBreaching", name)

    def test_every_alarm_stops_a_deployment(self):
        made = stack(**DOMAIN, **EMAIL)
        for group in made.of_type("AWS::CodeDeploy::DeploymentGroup").values():
            found = group["Properties"]["AlarmConfiguration"]
            self.assertIs(found["Enabled"], True)
            self.assertCountEqual(found["Alarms"], [{"Name": {"Ref": name}} for name in made.of_type("AWS::CloudWatch::Alarm")])

    def test_every_custom_metric_of_an_alarm_is_counted_by_filters(self):
        made = stack(**DOMAIN, **EMAIL)
        counted = {}
        for found in made.of_type("AWS::Logs::MetricFilter").values():
            [metric] = found["Properties"]["MetricTransformations"]
            counted.setdefault((json.dumps(metric["MetricNamespace"]), metric["MetricName"]), set()).add(found["Properties"]["LogGroupName"]["Ref"])
        alarms = made.of_type("AWS::CloudWatch::Alarm").values()
        own = [alarm["Properties"] for alarm in alarms if not str(alarm["Properties"]["Namespace"]).startswith("AWS/")]
        self.assertEqual({(json.dumps(alarm["Namespace"]), alarm["MetricName"]) for alarm in own}, counted.keys())
        groups = {function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in made.of_type("AWS::Lambda::Function").values()}
        self.assertEqual([found for (_, name), found in counted.items() if name == "TableErrors"], [groups])

    def test_operations_md_has_a_section_for_every_alarm(self):
        lines = (ROOT / "docs" / "operations.md").read_text().splitlines()
        headings = {line.lstrip("# ").lower().replace(" ", "-") for line in lines if line.startswith("#")}
        for name, alarm in stack(**DOMAIN, **EMAIL).of_type("AWS::CloudWatch::Alarm").items():
            _, _, section = alarm["Properties"]["AlarmDescription"].partition("docs/operations.md#")
            self.assertIn(section, headings, name)

    def test_the_budget_is_five_dollars_by_default_and_none_for_zero(self):
        [budget] = stack(**DOMAIN, **EMAIL).of_type("AWS::Budgets::Budget").values()
        self.assertEqual(budget["Properties"]["Budget"]["BudgetLimit"], {"Amount": "5", "Unit": "USD"})
        self.assertEqual(stack(**DOMAIN, **EMAIL, MonthlyBudgetDollars="0").of_type("AWS::Budgets::Budget"), {})


class Dashboard(unittest.TestCase):
    def test_the_dashboard_has_the_stacks_metrics_and_is_one_that_is_free(self):
        made = stack(**DOMAIN, **TABLES)
        text = made.resources["OperationsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        metrics = [metric for widget in json.loads(text)["widgets"] for metric in widget["properties"]["metrics"]]
        self.assertLessEqual(len(metrics), MOST_DASHBOARD_METRICS)
        functions = {metric[3] for metric in metrics if metric[0] == "AWS/Lambda"}
        self.assertEqual(functions, {f"${{{name}}}" for name in made.of_type("AWS::Lambda::Function")})
        self.assertEqual({metric[3] for metric in metrics if metric[0] == "AWS/DynamoDB"}, set(TABLES.values()))
        self.assertEqual(stack(**DOMAIN, Dashboard="false").of_type("AWS::CloudWatch::Dashboard"), {})

    def test_the_saved_queries_read_log_groups_of_the_stack(self):
        made = stack(**DOMAIN)
        groups = set(made.of_type("AWS::Logs::LogGroup"))
        queries = made.of_type("AWS::Logs::QueryDefinition")
        self.assertEqual(len(queries), 6)
        operations = (ROOT / "docs" / "operations.md").read_text()
        for query in queries.values():
            self.assertLessEqual({group["Ref"] for group in query["Properties"]["LogGroupNames"]}, groups)
            name = query["Properties"]["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}/")
            self.assertIn(f"`{name}`", operations)


class Tables(unittest.TestCase):
    def test_attached_tables_take_the_place_of_the_stacks_own_which_stay(self):
        own, attached = stack(**DOMAIN), stack(**DOMAIN, **TABLES)
        self.assertEqual(own.of_type("AWS::DynamoDB::Table"), attached.of_type("AWS::DynamoDB::Table"))
        for table in own.of_type("AWS::DynamoDB::Table").values():
            self.assertNotIn("Condition", table)
        for function in attached.of_type("AWS::Lambda::Function").values():
            variables = function["Properties"]["Environment"]["Variables"]
            tables = {name: value for name, value in variables.items() if name.endswith("_TABLE")}
            self.assertTrue(tables)
            for name, table in tables.items():
                self.assertEqual(table, "restored-" + name.removesuffix("_TABLE").lower())

    def test_limits_of_tables_hold_for_each_index_too_and_there_are_none_by_default(self):
        limits = {"MaxReadRequestUnits": "500", "MaxWriteRequestUnits": "100"}
        made = stack(**DOMAIN, MaxTableReadUnits="500", MaxTableWriteUnits="100")
        for name, table in made.of_type("AWS::DynamoDB::Table").items():
            for part in [table["Properties"], *table["Properties"].get("GlobalSecondaryIndexes", [])]:
                self.assertEqual(part["OnDemandThroughput"], limits, name)
        self.assertNotIn("OnDemandThroughput", json.dumps(stack(**DOMAIN).resources))


class Limits(unittest.TestCase):
    def test_concurrency_is_reserved_only_if_asked_for(self):
        for given, expected in [({}, None), ({"ReservedConcurrency": "0"}, "0"), ({"ReservedConcurrency": "7"}, "7")]:
            for function in stack(**DOMAIN, **given).of_type("AWS::Lambda::Function").values():
                self.assertEqual(function["Properties"].get("ReservedConcurrentExecutions"), expected)

    def test_tracing_is_off_by_default_and_gives_each_role_its_policy_if_on(self):
        for given, policies in [({}, ["AWSLambdaBasicExecutionRole"]), ({"Tracing": "Active"}, ["AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"])]:
            made = stack(**DOMAIN, **given)
            for name, function in made.of_type("AWS::Lambda::Function").items():
                self.assertEqual(function["Properties"].get("TracingConfig"), {"Mode": "Active"} if given else None)
                arns = made.resources[f"{name}Role"]["Properties"]["ManagedPolicyArns"]
                self.assertEqual([arn.split("/")[-1] for arn in arns], policies)


class Domain(unittest.TestCase):
    def test_a_custom_domain_is_mapped_to_the_stage_below_its_base_path(self):
        made = stack(**DOMAIN, **CUSTOM_DOMAIN)
        [mapping] = made.of_type("AWS::ApiGatewayV2::ApiMapping").values()
        [stage] = made.of_type("AWS::ApiGatewayV2::Stage")
        expected = {"ApiId": {"Ref": "Api"}, "Stage": {"Ref": stage}, "DomainName": {"Ref": "Domain"}, "ApiMappingKey": "v1"}
        self.assertEqual(mapping["Properties"], expected)
        for function in made.of_type("AWS::Lambda::Function").values():
            self.assertEqual(function["Properties"]["Environment"]["Variables"]["BASE_PATH"], "v1")

    def test_without_a_custom_domain_there_is_neither_domain_nor_base_path(self):
        made = stack(**DOMAIN)
        self.assertEqual(made.of_type("AWS::ApiGatewayV2::DomainName"), {})
        self.assertNotIn("BASE_PATH", json.dumps(made.resources))


if __name__ == "__main__":
    unittest.main()
