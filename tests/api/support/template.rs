//! `template.yaml`, parsed with CloudFormation's short tags written out.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The whole template; `!Ref X` is `{"Ref": "X"}` and `!GetAtt X.Y` is `{"Fn::GetAtt": "X.Y"}`.
pub(crate) fn template() -> Value {
    yaml(include_str!("../../../template.yaml"))
}

/// The one value of a YAML document, as JSON.
pub(crate) fn yaml(text: &str) -> Value {
    value(&Yaml::load_from_str(text).unwrap()[0])
}

/// The resources of a type, by name.
pub(crate) fn resources(kind: &str) -> Vec<(String, Value)> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let of_kind = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind);
    of_kind
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect()
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(boolean)) => json!(boolean),
        Yaml::Value(Scalar::Integer(integer)) => json!(integer),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(elements) => elements.iter().map(value).collect(),
        Yaml::Mapping(members) => {
            let members = members
                .iter()
                .map(|(name, member)| (name.as_str().unwrap().to_owned(), value(member)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, node) if tag.suffix == "Ref" => json!({ "Ref": value(node) }),
        Yaml::Tagged(tag, node) => json!({ format!("Fn::{}", tag.suffix): value(node) }),
        other => panic!("{other:?}"),
    }
}
