//! The template, the code and the local gateway agree.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::KeySchemaElement;
use delete_actors::DeleteActors;
use delete_movies::DeleteMovies;
use get_actors::GetActors;
use get_movies::GetMovies;
use patch_actors::PatchActors;
use patch_movies::PatchMovies;
use post_actors::PostActors;
use post_movies::PostMovies;
use serde_json::{Value, json};
use shared::app::App;
use shared::endpoint::Endpoint;
use shared::store::Store;

use crate::support::Api;
use crate::support::template::{resources, template};

/// What the code says of a function. `policies.rs` compares its policy with the calls that it
/// makes.
struct Expected {
    name: String,
    route_keys: Vec<String>,
    /// The settings with the names of its tables.
    tables: &'static [&'static str],
}

fn expected<E: Endpoint>() -> Expected {
    let route_keys = E::ROUTES
        .iter()
        .map(|route| format!("{} {}", E::METHOD, route.path))
        .collect();
    Expected {
        name: App::<E>::name(),
        route_keys,
        tables: E::Store::TABLES,
    }
}

fn all_expected() -> [Expected; 8] {
    [
        expected::<GetActors>(),
        expected::<PostActors>(),
        expected::<PatchActors>(),
        expected::<DeleteActors>(),
        expected::<GetMovies>(),
        expected::<PostMovies>(),
        expected::<PatchMovies>(),
        expected::<DeleteMovies>(),
    ]
}

/// The template's functions by the name of their crate, which is the last part of their code's
/// path.
fn functions() -> BTreeMap<String, Value> {
    let functions = resources("AWS::Serverless::Function")
        .into_iter()
        .map(|(_, function)| {
            let folder = function["Properties"]["CodeUri"]
                .as_str()
                .unwrap()
                .to_owned();
            (
                folder.strip_prefix("functions/").unwrap().to_owned(),
                function,
            )
        });
    functions.collect()
}

fn route_key(event: &Value) -> String {
    assert_eq!(event["Type"], "HttpApi");
    assert_eq!(event["Properties"]["ApiId"], json!({"Ref": "Api"}));
    match (
        event["Properties"]["Method"].as_str(),
        event["Properties"]["Path"].as_str(),
    ) {
        (Some(method), Some(path)) => format!("{method} {path}"),
        (None, None) => "$default".to_owned(),
        _ => panic!("a method without a path, or a path without a method: {event}"),
    }
}

#[test]
fn every_route_has_the_same_function_as_on_the_local_gateway() {
    let mut in_template = Vec::new();
    for (name, function) in functions() {
        for (_, event) in function["Properties"]["Events"].as_object().unwrap() {
            in_template.push((route_key(event), name.clone()));
        }
    }
    let mut in_gateway = local::route_keys();
    in_template.sort();
    in_gateway.sort();
    assert_eq!(in_template, in_gateway);
    assert_eq!(in_template.len(), 10 + 1);
}

#[test]
fn every_function_has_its_routes_and_only_its_own_tables() {
    let functions = functions();
    assert_eq!(functions.len(), 8);
    for Expected {
        name,
        route_keys,
        tables,
    } in all_expected()
    {
        let function = &functions[&name];
        let properties = &function["Properties"];
        assert_eq!(
            function["Metadata"],
            json!({"BuildMethod": "rust-cargolambda"}),
            "{name}"
        );
        let keys: Vec<_> = properties["Events"]
            .as_object()
            .unwrap()
            .values()
            .map(route_key)
            .collect();
        assert!(
            route_keys.iter().all(|key| keys.contains(key)),
            "{name}: {keys:?}"
        );
        let variables: serde_json::Map<_, _> = tables
            .iter()
            .map(|table| ((*table).to_owned(), table_in_use(logical_id(table))))
            .collect();
        assert_eq!(
            properties["Environment"],
            json!({"Variables": variables}),
            "{name}"
        );
        assert_eq!(
            properties["Policies"].as_array().unwrap().len(),
            1,
            "{name}"
        );
        assert!(properties.get("Role").is_none(), "{name}");
    }
}

/// The name of the table that functions use: the attached one, if there is one.
fn table_in_use(logical_id: &str) -> Value {
    json!({"Fn::If": [format!("Has{logical_id}"), {"Ref": format!("{logical_id}Name")}, {"Ref": logical_id}]})
}

/// The table resource whose name is in this setting.
fn logical_id(setting: &str) -> &'static str {
    match setting {
        "ACTORS_TABLE" => "ActorsTable",
        "MOVIES_TABLE" => "MoviesTable",
        "CREDITS_TABLE" => "CreditsTable",
        other => panic!("{other}"),
    }
}

#[test]
fn all_functions_run_on_amazon_linux_2023_with_shared_settings() {
    let globals = &template()["Globals"]["Function"];
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Timeout"], 10);
    assert_eq!(globals["Architectures"], json!([{"Ref": "Architecture"}]));
    let if_set = |parameter: &str| json!({"Fn::If": [format!("Has{parameter}"), {"Ref": parameter}, {"Ref": "AWS::NoValue"}]});
    let variables = json!({
        "AUTH0_DOMAIN": {"Ref": "Auth0Domain"}, "API_AUDIENCE": {"Ref": "ApiAudience"}, "BASE_PATH": if_set("BasePath"),
        "AWS_ENDPOINT_URL_DYNAMODB": if_set("DynamoDbEndpoint"),
        "AWS_USE_FIPS_ENDPOINT": {"Ref": "UseFipsEndpoint"}, "AWS_USE_DUALSTACK_ENDPOINT": {"Ref": "UseDualStackEndpoint"},
    });
    assert_eq!(globals["Environment"]["Variables"], variables);
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    for (name, function) in functions {
        for setting in ["Runtime", "Timeout", "Architectures"] {
            assert!(
                function["Properties"][setting].is_null(),
                "{name} {setting}"
            );
        }
    }
}

#[test]
fn every_function_has_its_own_log_group_with_a_retention_time() {
    let groups = resources("AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 9);
    for (name, group) in &groups {
        assert_eq!(
            group["Properties"]["RetentionInDays"],
            json!({"Ref": "LogRetentionDays"}),
            "{name}"
        );
    }
    let mut used: Vec<_> = functions()
        .values()
        .map(|function| function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].clone())
        .collect();
    used.push(json!("AccessLog"));
    for (name, _) in groups {
        assert!(used.contains(&json!(name)), "{name} is nobody's");
    }
}

#[test]
fn every_table_is_retained_protected_and_keyed_like_the_local_one() {
    let tables = resources("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 3);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let api = runtime.block_on(Api::start());
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(
            (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain")),
            "{name}"
        );
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST", "{name}");
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(
            properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true,
            "{name}"
        );
        // Credits have no idempotency keys, so none of them expire.
        let expiry = json!({"AttributeName": "expires_at", "Enabled": true});
        let expiry = if name == "CreditsTable" {
            Value::Null
        } else {
            expiry
        };
        assert_eq!(properties["TimeToLiveSpecification"], expiry, "{name}");
        let layout = [
            "AttributeDefinitions",
            "KeySchema",
            "GlobalSecondaryIndexes",
        ]
        .map(|part| sorted(&without_limits(&properties[part])));
        let local_name = name.strip_suffix("Table").unwrap().to_lowercase();
        assert_eq!(
            layout,
            runtime.block_on(local_layout(&api, &local_name)),
            "{name}"
        );
    }
}

/// Indexes without their limits, which the local database does not have. Each has the limits of the
/// table.
fn without_limits(list: &Value) -> Value {
    let limits = json!({"Fn::If": [
        "HasTableLimits",
        {"MaxReadRequestUnits": {"Ref": "MaxTableReadUnits"}, "MaxWriteRequestUnits": {"Ref": "MaxTableWriteUnits"}},
        {"Ref": "AWS::NoValue"},
    ]});
    let mut list = list.clone();
    for index in list.as_array_mut().into_iter().flatten() {
        if index.get("IndexName").is_some() {
            let own = index.as_object_mut().unwrap().remove("OnDemandThroughput");
            assert_eq!(own.as_ref(), Some(&limits), "{index}");
        }
    }
    list
}

/// Sorts a list whose order means nothing.
fn sorted(list: &Value) -> Vec<String> {
    let mut sorted: Vec<_> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(Value::to_string)
        .collect();
    sorted.sort();
    sorted
}

/// Attributes, key and indexes of a table of the local stack, in the template's terms.
async fn local_layout(api: &Api, table: &str) -> [Vec<String>; 3] {
    let described = api
        .stack
        .client()
        .describe_table()
        .table_name(table)
        .send()
        .await
        .unwrap()
        .table
        .unwrap();
    let key = |key: &[KeySchemaElement]| -> Value {
        let element = |part: &KeySchemaElement| json!({"AttributeName": part.attribute_name(), "KeyType": part.key_type().as_str()});
        key.iter().map(element).collect()
    };
    let attributes = described.attribute_definitions().iter().map(|attribute| {
        json!({"AttributeName": attribute.attribute_name(), "AttributeType": attribute.attribute_type().as_str()})
    });
    let indexes = described.global_secondary_indexes().iter().map(|index| {
        let projection = index.projection().unwrap().projection_type().unwrap().as_str();
        json!({"IndexName": index.index_name().unwrap(), "KeySchema": key(index.key_schema()), "Projection": {"ProjectionType": projection}})
    });
    [
        attributes.collect(),
        key(described.key_schema()),
        indexes.collect(),
    ]
    .map(|list: Value| sorted(&list))
}

#[test]
fn the_gateway_throttles_and_logs_no_claims_and_its_origin_is_a_parameter() {
    let (_, api) = resources("AWS::Serverless::HttpApi").remove(0);
    let properties = &api["Properties"];
    for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        assert_eq!(
            properties["DefaultRouteSettings"][limit],
            json!({ "Ref": limit })
        );
        let default = &template()["Parameters"][limit]["Default"];
        assert!(default.as_u64().is_some(), "{limit}");
    }
    assert_eq!(
        properties["CorsConfiguration"]["AllowOrigins"],
        json!([{"Ref": "AllowedOrigin"}])
    );
    assert!(properties.get("Auth").is_none());
    let format = properties["AccessLogSettings"]["Format"].as_str().unwrap();
    for forbidden in [
        "authorizer",
        "authorization",
        "identity",
        "header",
        "querystring",
        "\n",
    ] {
        assert!(!format.to_lowercase().contains(forbidden), "{forbidden}");
    }
    // With a value in place of each variable, the format is JSON.
    let filled = format
        .split('$')
        .map(|part| part.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '.'));
    let filled = filled.collect::<Vec<_>>().join("1");
    assert!(serde_json::from_str::<Value>(&filled).is_ok(), "{filled}");
}

#[tokio::test]
async fn the_local_gateway_has_the_cors_settings_of_the_template() {
    let api = Api::start().await;
    let preflight = api
        .request("OPTIONS", "/actors")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    let cors = &resources("AWS::Serverless::HttpApi")[0].1["Properties"]["CorsConfiguration"];
    for (name, header) in [
        ("AllowMethods", "access-control-allow-methods"),
        ("AllowHeaders", "access-control-allow-headers"),
        ("ExposeHeaders", "access-control-expose-headers"),
    ] {
        let listed: Vec<_> = cors[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap())
            .collect();
        assert_eq!(response.headers()[header], listed.join(","), "{name}");
    }
    assert_eq!(
        response.headers()["access-control-max-age"],
        cors["MaxAge"].to_string()
    );
}

#[test]
fn the_template_validates_its_parameters() {
    let parameters = &template()["Parameters"];
    for name in ["Auth0Domain", "ApiAudience", "AllowedOrigin"] {
        assert!(
            parameters[name]["AllowedPattern"]
                .as_str()
                .is_some_and(|pattern| pattern.starts_with('^') && pattern.ends_with('$'))
        );
        assert!(
            parameters[name]["ConstraintDescription"].is_string(),
            "{name}"
        );
    }
    assert_eq!(
        parameters["Architecture"]["AllowedValues"],
        json!(["x86_64", "arm64"])
    );
    assert_eq!(parameters["Architecture"]["Default"], "x86_64");
    assert_eq!(parameters["ApiAudience"]["Default"], local::AUDIENCE);
    let outputs: Vec<_> = template()["Outputs"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        outputs,
        [
            "ActorsTable",
            "ApiUrl",
            "ConsoleApi",
            "ConsoleBucket",
            "ConsoleDistribution",
            "ConsoleDomainTarget",
            "ConsoleUrl",
            "CreditsTable",
            "CustomDomainTarget",
            "MoviesTable"
        ]
    );
}

#[test]
fn cargo_lambda_watch_has_the_routes_of_the_gateway() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, router) = manifest
        .split_once("[workspace.metadata.lambda.watch.router]\n")
        .unwrap();
    let methods_of = |path: &str| {
        let (_, entry) = router.split_once(&format!("\"{path}\" = [\n")).unwrap();
        entry
            .split_once(']')
            .unwrap()
            .0
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    for Expected {
        name, route_keys, ..
    } in all_expected()
    {
        for route_key in route_keys {
            let (method, path) = route_key.split_once(' ').unwrap();
            let line = format!("{{ method = \"{method}\", function = \"{name}\" }},");
            assert!(methods_of(path).contains(&line.as_str()), "{route_key}");
        }
    }
    for route in shared::route::ROUTES {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"]
            .into_iter()
            .filter(|method| !route.allows(method))
        {
            let line = format!("{{ method = \"{method}\", function = \"get_actors\" }},");
            assert!(
                methods_of(route.path).contains(&line.as_str()),
                "{method} {}",
                route.path
            );
        }
    }
    assert!(router.contains("\"/\" = \"get_actors\"\n\"/{*rest}\" = \"get_actors\""));
}
