//! DynamoDB's protocol over the embedded database: JSON by HTTP POST, the operation named in
//! `X-Amz-Target`.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>
//!
//! dynoxide brings a server, but it lets every website read and write
//! (`Access-Control-Allow-Origin: *`), and its router cannot be used without that.

use aws_lc_rs::rand;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dynoxide::auth_material::{self, AuthMaterial};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest request body, in bytes: 16 MB, as in DynamoDB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
const JSON: &str = "application/x-amz-json-1.0";
const UNKNOWN_OPERATION: &str =
    r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

/// The DynamoDB service on this database.
pub(crate) fn router(database: Database) -> Router {
    Router::new()
        .route(
            "/",
            get(async || "healthy: the local DynamoDB\n").post(call),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(database)
}

async fn call(
    State(database): State<Database>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = AuthMaterial {
        authorization: text(AUTHORIZATION.as_str()),
        query: uri.query().unwrap_or_default(),
        has_date_header: headers.contains_key("x-amz-date") || headers.contains_key(DATE),
    };
    if let Some(error) = auth_material::validate(signature) {
        return respond(StatusCode::BAD_REQUEST, error);
    }
    // `DynamoDB_20120810.PutItem`, or `DynamoDBStreams_20120810.GetRecords`
    let operation = text("x-amz-target")
        .and_then(|target| target.split_once('.'))
        .map(|(_, operation)| operation);
    match operation.and_then(|operation| execute(&database, operation, &body)) {
        None => respond(StatusCode::BAD_REQUEST, UNKNOWN_OPERATION.to_owned()),
        Some(Ok(response)) => respond(StatusCode::OK, response),
        Some(Err(error)) => {
            let status = StatusCode::from_u16(error.status_code())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(status, error.to_json())
        }
    }
}

fn respond(status: StatusCode, body: String) -> Response {
    let checksum = crc32fast::hash(body.as_bytes()).to_string();
    let headers = [
        ("x-amzn-requestid", request_id()),
        ("x-amz-crc32", checksum),
    ];
    (status, [(CONTENT_TYPE, JSON)], headers, body).into_response()
}

fn request_id() -> String {
    let mut bytes = [0; 16];
    // If the system has no randomness, all ids are equal. A local log can live with that.
    let _ = rand::fill(&mut bytes);
    format!("{:032X}", u128::from_ne_bytes(bytes))
}

/// Executes an operation; `None` if its name is unknown.
fn execute(database: &Database, operation: &str, body: &[u8]) -> Option<dynoxide::Result<String>> {
    let done = match operation {
        "BatchExecuteStatement" => run(body, |request| database.batch_execute_statement(request)),
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "DeleteTable" => run(body, |request| database.delete_table(request)),
        "DescribeStream" => run(body, |request| database.describe_stream(request)),
        "DescribeTable" => run(body, |request| database.describe_table(request)),
        "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
        "ExecuteStatement" => run(body, |request| database.execute_statement(request)),
        "ExecuteTransaction" => run(body, |request| database.execute_transaction(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "GetRecords" => run(body, |request| database.get_records(request)),
        "GetShardIterator" => run(body, |request| database.get_shard_iterator(request)),
        "ListStreams" => run(body, |request| database.list_streams(request)),
        "ListTables" => run(body, |request| database.list_tables(request)),
        "ListTagsOfResource" => run(body, |request| database.list_tags_of_resource(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "TagResource" => run(body, |request| database.tag_resource(request)),
        "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "UntagResource" => run(body, |request| database.untag_resource(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "UpdateTable" => run(body, |request| database.update_table(request)),
        "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
        _ => return None,
    };
    Some(done)
}

fn run<Request: DeserializeOwned, Output: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Request) -> dynoxide::Result<Output>,
) -> dynoxide::Result<String> {
    let output = operation(serde_json::from_slice(body).map_err(|error| unreadable(&error))?)?;
    serde_json::to_string(&output)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The error for a request that cannot be parsed. dynoxide's own parsers put DynamoDB's error class
/// before a colon.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    match text.split_once(':') {
        Some((class, message)) if class.starts_with("VALIDATION") => {
            DynoxideError::ValidationException(message.to_owned())
        }
        Some((class, message)) if class.starts_with("SERIALIZATION") => {
            DynoxideError::SerializationException(message.to_owned())
        }
        _ if ["missing field", "empty AttributeValue"]
            .iter()
            .any(|rule| text.starts_with(rule)) =>
        {
            DynoxideError::ValidationException(text.to_owned())
        }
        _ => DynoxideError::SerializationException(text.to_owned()),
    }
}
