//! The local DynamoDB also serves clients other than the functions.

use serde_json::{Value, json};

use crate::support::{Api, client};

const SIGNED: [(&str, &str); 2] = [
    (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=local/20200514/local/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
    ),
    ("x-amz-date", "20200514T140213Z"),
];

/// Calls an operation with additional headers; returns the response's status and body.
async fn call(api: &Api, operation: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let request = client()
        .post(&api.stack.dynamodb)
        .header("x-amz-target", operation)
        .body(body.to_owned());
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let response = request.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/x-amz-json-1.0"
    );
    assert!(
        response.headers().contains_key("x-amzn-requestid")
            && response.headers().contains_key("x-amz-crc32")
    );
    (
        response.status().as_u16(),
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn a_signed_call_succeeds_and_an_invalid_call_returns_a_dynamodb_error() {
    let api = Api::start().await;
    let (status, tables) = call(&api, "DynamoDB_20120810.ListTables", &SIGNED, "{}").await;
    assert_eq!(
        (status, tables),
        (200, json!({"TableNames": ["actors", "credits", "movies"]}))
    );
    let put = |value: &str| {
        format!(r#"{{"TableName": "actors", "Item": {{"bucket": {value}, "id": {{"N": "1"}}}}}}"#)
    };
    let table = [
        (
            "ListTables",
            &[][..],
            "{}".to_owned(),
            "MissingAuthenticationTokenException",
        ),
        (
            "ListNothing",
            &SIGNED,
            "{}".to_owned(),
            "UnknownOperationException",
        ),
        (
            "ListTables",
            &SIGNED,
            "{".to_owned(),
            "SerializationException",
        ),
        (
            "ListTables",
            &SIGNED,
            r#"{"Limit": "x"}"#.to_owned(),
            "SerializationException",
        ),
        (
            "DescribeTable",
            &SIGNED,
            r#"{"TableName": "nowhere"}"#.to_owned(),
            "ResourceNotFoundException",
        ),
        (
            "PutItem",
            &SIGNED,
            put(r#"{"N": "x"}"#),
            "ValidationException",
        ),
        (
            "PutItem",
            &SIGNED,
            put(r#"{"NULL": false}"#),
            "ValidationException",
        ),
        ("PutItem", &SIGNED, put("{}"), "ValidationException"),
    ];
    for (operation, headers, body, error) in table {
        let (status, response) = call(
            &api,
            &format!("DynamoDB_20120810.{operation}"),
            headers,
            &body,
        )
        .await;
        assert_eq!(status, 400, "{operation} {body}: {response}");
        assert!(
            response["__type"]
                .as_str()
                .unwrap()
                .ends_with(&format!("#{error}")),
            "{operation} {body}: {response}"
        );
        assert!(!response.to_string().contains("VALIDATION"), "{response}");
    }
    let (status, _) = call(&api, "DynamoDBStreams_20120810.ListStreams", &SIGNED, "{}").await;
    assert_eq!(status, 200);
}
