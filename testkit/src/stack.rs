//! A function's bootstrap on a local stack, and requests to that stack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::OnceLock;

use local::{Role, Stack};
use serde_json::{Value, json};

use crate::{Environment, Launch};

/// Starts the bootstrap at this path, which is named after its function, on the stack.
pub async fn start(stack: &Stack, bootstrap: &str) -> Environment {
    let launch = Launch::local(bootstrap, &stack.dynamodb, stack.identity.as_ref().unwrap());
    Environment::start(&launch, None).await.unwrap()
}

impl Launch {
    /// The bootstrap at this path, which is named after its function, with these URLs of DynamoDB
    /// and the issuer.
    pub fn local(bootstrap: &str, dynamodb: &str, issuer: &str) -> Self {
        let function = Path::new(bootstrap).file_stem().unwrap().to_str().unwrap();
        let settings = [
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "local"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
            ("AUTH0_DOMAIN", issuer),
            ("API_AUDIENCE", local::AUDIENCE),
            ("ACTORS_TABLE", local::ACTORS_TABLE),
            ("MOVIES_TABLE", local::MOVIES_TABLE),
            ("CREDITS_TABLE", local::CREDITS_TABLE),
        ];
        Self {
            command: vec![bootstrap.to_owned()],
            settings: settings
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }
}

fn producer_token(stack: &Stack) -> String {
    let tokens = stack.tokens.as_ref().unwrap();
    tokens.issue(Role::Producer).unwrap()
}

/// A sample event with the producer's token and this request id.
pub fn event(stack: &Stack, sample: &str, request_id: &str) -> Value {
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {}", producer_token(stack)));
    event["requestContext"]["requestId"] = json!(request_id);
    event
}

/// Sends a request to the stack's API as the producer. A null body means no body.
pub async fn request(stack: &Stack, method: &str, path: &str, body: &Value) -> (u16, Value) {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let client = CLIENT.get_or_init(|| reqwest::Client::builder().no_proxy().build().unwrap());
    let mut request = client
        .request(method.parse().unwrap(), format!("{}{path}", stack.api))
        .bearer_auth(producer_token(stack));
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}
