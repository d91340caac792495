//! `docs/openapi.yaml`, the code and the template agree, and the file follows its own rules.

use std::collections::{BTreeMap, BTreeSet};

use delete_actors::DeleteActors;
use delete_movies::DeleteMovies;
use get_actors::GetActors;
use get_movies::GetMovies;
use jsonschema::Draft;
use patch_actors::PatchActors;
use patch_movies::PatchMovies;
use post_actors::PostActors;
use post_movies::PostMovies;
use serde_json::{Value, json};
use shared::app::App;
use shared::endpoint::Endpoint;
use shared::model::ReleaseDate;
use shared::route::ROUTES;

use crate::support::template::{resources, yaml};

/// The members of a path that are operations.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

fn contract() -> Value {
    yaml(include_str!("../../docs/openapi.yaml"))
}

/// The file's operations by route key, for example `PATCH /actors/{actor_id}`.
fn operations(contract: &Value) -> BTreeMap<String, &Value> {
    let paths = contract["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let members = item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| METHODS.contains(&name.as_str()));
        members.map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    });
    operations.collect()
}

/// The permission that each function checks, by the function's name.
fn permissions() -> BTreeMap<String, &'static str> {
    fn of<E: Endpoint>() -> (String, &'static str) {
        (App::<E>::name(), E::PERMISSION.as_str())
    }
    BTreeMap::from([
        of::<GetActors>(),
        of::<PostActors>(),
        of::<PatchActors>(),
        of::<DeleteActors>(),
        of::<GetMovies>(),
        of::<PostMovies>(),
        of::<PatchMovies>(),
        of::<DeleteMovies>(),
    ])
}

fn is_of_an_operation(route_key: &str) -> bool {
    route_key != "$default"
}

#[test]
fn the_openapi_operations_match_the_endpoints_in_the_code() {
    let contract = contract();
    let in_code = local::route_keys()
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| is_of_an_operation(key));
    assert_eq!(
        operations(&contract).into_keys().collect::<BTreeSet<_>>(),
        in_code.collect()
    );
}

#[test]
fn the_openapi_operations_match_the_routes_of_the_template() {
    let contract = contract();
    let functions = resources("AWS::Serverless::Function");
    let events = functions
        .iter()
        .flat_map(|(_, function)| function["Properties"]["Events"].as_object().unwrap());
    let in_template = events.filter_map(|(_, event)| {
        let route = &event["Properties"];
        Some(format!(
            "{} {}",
            route["Method"].as_str()?,
            route["Path"].as_str()?
        ))
    });
    let in_template: BTreeSet<_> = in_template.filter(|key| is_of_an_operation(key)).collect();
    assert_eq!(
        operations(&contract).into_keys().collect::<BTreeSet<_>>(),
        in_template
    );
}

#[test]
fn every_operation_names_the_permission_that_its_function_checks() {
    let contract = contract();
    let (operations, permissions) = (operations(&contract), permissions());
    for (key, function) in local::route_keys()
        .into_iter()
        .filter(|(key, _)| is_of_an_operation(key))
    {
        let security = json!([{ "accessToken": [permissions[&function]] }]);
        assert_eq!(
            operations.get(&key).map(|operation| &operation["security"]),
            Some(&security),
            "{key}"
        );
    }
}

#[test]
fn every_path_documents_its_methods_parameter_and_allow_header() {
    let contract = contract();
    let keys: Vec<_> = operations(&contract).into_keys().collect();
    for route in ROUTES {
        let of_path = keys
            .iter()
            .filter_map(|key| key.split_once(' '))
            .filter(|(_, path)| *path == route.path);
        let methods: Vec<_> = of_path.map(|(method, _)| method).collect();
        assert_eq!(methods.join(", "), route.allow, "{}", route.path);
        let parameters = contract["paths"][route.path]["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        let names: Vec<_> = parameters
            .map(|parameter| resolved(&contract, parameter)["name"].as_str())
            .collect();
        assert_eq!(
            names,
            Vec::from_iter(route.parameter.map(Some)),
            "{}",
            route.path
        );
    }
    let allowed: BTreeSet<_> = ROUTES.map(|route| json!(route.allow).to_string()).into();
    let documented = contract["components"]["headers"]["Allow"]["schema"]["enum"]
        .as_array()
        .unwrap();
    assert_eq!(
        documented
            .iter()
            .map(Value::to_string)
            .collect::<BTreeSet<_>>(),
        allowed
    );
}

#[test]
fn every_operation_documents_prefer_and_preference_applied() {
    let contract = contract();
    for (key, operation) in operations(&contract) {
        let parameters = operation["parameters"].as_array().unwrap();
        let mut names = parameters
            .iter()
            .map(|parameter| resolved(&contract, parameter)["name"].as_str().unwrap());
        assert!(names.any(|name| name == "Prefer"), "{key}");
        let responses = &operation["responses"];
        assert!(responses["422"].is_object(), "{key}");
        for (status, response) in responses.as_object().unwrap() {
            let tells = resolved(&contract, response)["headers"]["Preference-Applied"].is_object();
            assert_eq!(tells, status == "200", "{key} {status}");
        }
    }
}

/// Follows a reference within the file; returns any other value as it is.
fn resolved<'a>(contract: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    let pointer = reference
        .strip_prefix('#')
        .unwrap_or_else(|| panic!("{reference} leads out of the file"));
    contract
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// Every object of a document, the outer ones first.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.push(value);
            members.values().for_each(|member| objects(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| objects(element, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_component_except_405_is_used() {
    let contract = contract();
    let mut all = Vec::new();
    objects(&contract, &mut all);
    for object in &all {
        let _ = resolved(&contract, object);
    }
    let used: BTreeSet<_> = all
        .iter()
        .filter_map(|object| object["$ref"].as_str())
        .collect();
    for (kind, components) in contract["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let spared =
                kind == "securitySchemes" || (kind == "responses" && name == "MethodNotAllowed");
            let reference = format!("#/components/{kind}/{name}");
            assert!(
                spared || used.contains(reference.as_str()),
                "{reference} is nobody's"
            );
        }
    }
}

#[test]
fn every_link_targets_an_operation_with_its_parameters() {
    let contract = contract();
    let operations = operations(&contract);
    let mut all = Vec::new();
    objects(&contract["components"]["responses"], &mut all);
    let links = all
        .iter()
        .filter_map(|object| object["links"].as_object())
        .flatten()
        .map(|(_, link)| link);
    let mut seen = BTreeSet::new();
    for link in links {
        let target = link["operationId"].as_str().unwrap();
        let (key, operation) = operations
            .iter()
            .find(|(_, operation)| operation["operationId"] == target)
            .unwrap();
        let (_, path) = key.split_once(' ').unwrap();
        let parameters = [
            &operation["parameters"],
            &contract["paths"][path]["parameters"],
        ];
        let parameters = parameters.into_iter().filter_map(Value::as_array).flatten();
        let names: Vec<_> = parameters
            .map(|parameter| resolved(&contract, parameter)["name"].as_str())
            .collect();
        for parameter in link["parameters"].as_object().unwrap().keys() {
            let name = parameter
                .split_once('.')
                .map_or(parameter.as_str(), |(_, name)| name);
            assert!(names.contains(&Some(name)), "{target} has no {parameter}");
        }
        seen.insert(target);
    }
    let rows = [
        "change_actor",
        "change_movie",
        "delete_actor",
        "delete_movie",
        "get_actor",
        "get_movie",
    ];
    assert_eq!(Vec::from_iter(seen), rows);
}

#[test]
fn every_example_matches_its_schema() {
    let contract = contract();
    let mut all = Vec::new();
    objects(&contract, &mut all);
    let with_schema = all.iter().filter(|object| object["schema"].is_object());
    let mut examples: Vec<_> = with_schema
        .flat_map(|object| {
            let named = object["examples"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, example)| &example["value"]);
            named
                .chain(object.get("example"))
                .chain(elements(&object["schema"]["examples"]))
                .map(|example| (&object["schema"], example))
        })
        .collect();
    let schemas = contract["components"]["schemas"]
        .as_object()
        .unwrap()
        .values();
    examples
        .extend(schemas.flat_map(|schema| {
            elements(&schema["examples"]).map(move |example| (schema, example))
        }));
    assert!(examples.len() > 60, "{}", examples.len());
    for (schema, example) in examples {
        check(&contract, schema, example);
    }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The schema as its own document, in which references to the contract's components resolve.
fn validator(contract: &Value, schema: &Value) -> jsonschema::Validator {
    let mut document = schema.clone();
    document["components"] = json!({ "schemas": contract["components"]["schemas"] });
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .build(&document)
        .unwrap()
}

fn check(contract: &Value, schema: &Value, example: &Value) {
    let errors: Vec<_> = validator(contract, schema)
        .iter_errors(example)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{example} against {schema}: {errors:?}");
}

#[test]
fn the_date_schema_and_the_code_accept_the_same_dates() {
    let contract = contract();
    let date = validator(&contract, &contract["components"]["schemas"]["Date"]);
    let spellings = [
        "2020-05-14",
        "2021-10-1",
        "\u{3000}2020-05-14\u{85}",
        "2020-05-14t14:02:13z",
        "2020-05-14T14:02:13,5Z",
        "2020-05-14 14:02:13 +02:00",
        "2020-05-14T14:02+02",
        "Thu,14 May 2020 14:02:13 +0000 (UTC)",
        "14 May 2020 14:02 -0700",
        "Fri, 1 Jan 2021 00:00:00 EST",
        "december 1, 1999",
        "May 14,2020",
        "2020.05.14",
        "12/25/2020",
        "25.12.2020",
    ];
    for text in spellings {
        assert!(
            ReleaseDate::parse(text).is_ok() && date.is_valid(&json!(text)),
            "{text}"
        );
    }
    for text in [
        "",
        "2020",
        "soon",
        "1589464933",
        "20-05-14",
        "2020-05-14T14",
        "2020-05-14T24",
        "x2020-05-14",
    ] {
        assert!(
            ReleaseDate::parse(text).is_err() && !date.is_valid(&json!(text)),
            "{text}"
        );
    }
}

#[test]
fn the_name_schema_and_the_code_accept_the_same_names() {
    let contract = contract();
    let name = validator(&contract, &contract["components"]["schemas"]["Name"]);
    let texts = [
        "Ida",
        " Ida\n",
        "\u{85}🎭\u{3000}",
        "",
        " ",
        "a\tb",
        "a\u{7f}",
        "\u{85}",
        "\u{1f}a",
        "a b",
    ];
    let long = [200, 201].map(|length| format!(" {} ", "é".repeat(length)));
    for text in texts.into_iter().chain(long.iter().map(String::as_str)) {
        assert_eq!(
            name.is_valid(&json!(text)),
            shared::model::Name::new(text).is_some(),
            "{text:?}"
        );
    }
}
