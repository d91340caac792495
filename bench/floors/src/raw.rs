//! The floor without the SDK: hyper on one connection, Signature Version 4 by hand, and serde.

use std::borrow::Cow;
use std::env;
use std::sync::Arc;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use chrono::Utc;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use lambda_runtime::{LambdaEvent, service_fn};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use crate::{Error, Verifier};

/// What the floor reads of an event.
#[derive(Deserialize)]
struct Event {
    headers: Headers,
    #[serde(rename = "rawPath")]
    path: String,
    #[serde(rename = "rawQueryString")]
    query: String,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Headers {
    authorization: String,
}

#[derive(Serialize)]
struct Reply {
    #[serde(rename = "statusCode")]
    status: u16,
    headers: Value,
    body: String,
    #[serde(rename = "isBase64Encoded")]
    is_base64: bool,
}

#[derive(Deserialize)]
struct Changes {
    age: u64,
}

/// The texts of DynamoDB's JSON, borrowed from the response.
#[derive(Deserialize)]
struct Text<'a> {
    #[serde(rename = "S", borrow)]
    text: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Number<'a> {
    #[serde(rename = "N", borrow)]
    digits: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Number<'a>,
    name: Text<'a>,
    age: Number<'a>,
    gender: Text<'a>,
}

/// The responses to GetItem, Query and UpdateItem.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    #[serde(borrow, alias = "Attributes")]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: u64,
    name: &'a str,
    age: u64,
    gender: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    actors: Vec<Row<'a>>,
}

/// Runs the floor as a Lambda function, for `GET /actors/{id}`, `GET /actors?limit=` and
/// `PATCH /actors/{id}` with an `age`.
///
/// # Errors
/// If a setting is missing, DynamoDB cannot be reached, or the runtime API is gone.
pub async fn run() -> Result<(), Error> {
    let function = Function {
        dynamodb: Dynamodb::connect().await?,
        verifier: Verifier::from_env()?,
        table: env::var("ACTORS_TABLE")?,
    };
    drop(function.get(1).await);
    let function = Arc::new(function);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| {
        let function = Arc::clone(&function);
        async move { function.respond(event.payload).await }
    }))
    .await
}

struct Function {
    dynamodb: Dynamodb,
    verifier: Verifier,
    table: String,
}

impl Function {
    async fn respond(&self, event: Event) -> Result<Reply, Error> {
        self.verifier.verify(Some(&event.headers.authorization))?;
        let output = if let Some(limit) = event.query.strip_prefix("limit=") {
            self.query(limit.parse()?).await?
        } else {
            let id = event.path.rsplit('/').next().unwrap_or_default().parse()?;
            match event.body {
                None => self.get(id).await?,
                Some(body) => {
                    let changes: Changes = serde_json::from_str(&body)?;
                    self.patch(id, changes.age).await?
                }
            }
        };
        let output: Output = serde_json::from_slice(&output)?;
        let items = output.item.iter().chain(&output.items);
        let body = Body {
            success: true,
            actors: items.map(row).collect::<Result<_, _>>()?,
        };
        Ok(Reply {
            status: 200,
            headers: json!({"content-type": "application/json"}),
            body: serde_json::to_string(&body)?,
            is_base64: false,
        })
    }

    async fn get(&self, id: u64) -> Result<Bytes, Error> {
        let body = json!({
            "TableName": self.table, "ConsistentRead": true, "Key": key(id),
        });
        self.dynamodb.call("GetItem", body.to_string()).await
    }

    async fn query(&self, limit: u32) -> Result<Bytes, Error> {
        let body = json!({
            "TableName": self.table, "ConsistentRead": true, "Limit": limit,
            "KeyConditionExpression": "#bucket = :bucket AND #id > :after",
            "ExpressionAttributeNames": {"#bucket": "bucket", "#id": "id"},
            "ExpressionAttributeValues": {":bucket": {"N": "0"}, ":after": {"N": "0"}},
        });
        self.dynamodb.call("Query", body.to_string()).await
    }

    async fn patch(&self, id: u64, age: u64) -> Result<Bytes, Error> {
        let body = json!({
            "TableName": self.table, "Key": key(id), "ReturnValues": "ALL_NEW",
            "UpdateExpression": "SET #age = :age", "ConditionExpression": "attribute_exists(#id)",
            "ExpressionAttributeNames": {"#age": "age", "#id": "id"},
            "ExpressionAttributeValues": {":age": {"N": age.to_string()}},
        });
        self.dynamodb.call("UpdateItem", body.to_string()).await
    }
}

fn key(id: u64) -> Value {
    json!({"bucket": {"N": (id / 1000).to_string()}, "id": {"N": id.to_string()}})
}

fn row<'a>(item: &'a Item<'_>) -> Result<Row<'a>, Error> {
    Ok(Row {
        id: item.id.digits.parse()?,
        name: &item.name.text,
        age: item.age.digits.parse()?,
        gender: &item.gender.text,
    })
}

/// DynamoDB over one connection, which is opened once.
struct Dynamodb {
    connection: Mutex<SendRequest<Full<Bytes>>>,
    host: String,
    signer: Signer,
}

impl Dynamodb {
    async fn connect() -> Result<Self, Error> {
        let url = env::var("AWS_ENDPOINT_URL_DYNAMODB")?;
        let host = url.strip_prefix("https://").ok_or("no https: URL")?;
        let (domain, _) = host.split_once(':').ok_or("no port")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(env::var("AWS_CA_BUNDLE")?)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(domain.to_owned())?;
        let stream = TlsConnector::from(Arc::new(tls))
            .connect(name, stream)
            .await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            connection: Mutex::new(sender),
            host: host.to_owned(),
            signer: Signer::from_env()?,
        })
    }

    async fn call(&self, operation: &str, body: String) -> Result<Bytes, Error> {
        let target = format!("DynamoDB_20120810.{operation}");
        let time = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let authorization = self.signer.sign(&self.host, &target, &time, &body);
        let request = Request::post("/")
            .header(HOST, &self.host)
            .header("content-type", CONTENT_TYPE)
            .header("x-amz-date", time)
            .header("x-amz-security-token", &self.signer.session)
            .header("x-amz-target", target)
            .header("authorization", authorization)
            .body(Full::from(body))?;
        let mut connection = self.connection.lock().await;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let is_success = response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        if is_success {
            Ok(body)
        } else {
            Err(String::from_utf8_lossy(&body).into())
        }
    }
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Signature Version 4.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>
struct Signer {
    access_key: String,
    secret: String,
    session: String,
    region: String,
}

impl Signer {
    fn from_env() -> Result<Self, Error> {
        Ok(Self {
            access_key: env::var("AWS_ACCESS_KEY_ID")?,
            secret: env::var("AWS_SECRET_ACCESS_KEY")?,
            session: env::var("AWS_SESSION_TOKEN")?,
            region: env::var("AWS_REGION")?,
        })
    }

    /// The `authorization` header of a call.
    fn sign(&self, host: &str, target: &str, time: &str, body: &str) -> String {
        const HEADERS: &str = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
        let date = time.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/dynamodb/aws4_request", self.region);
        let canonical = format!(
            "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{time}\n\
             x-amz-security-token:{}\nx-amz-target:{target}\n\n{HEADERS}\n{}",
            self.session,
            sha256(body)
        );
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(&canonical));
        let first = hmac(format!("AWS4{}", self.secret).as_bytes(), date);
        let key = [self.region.as_str(), "dynamodb", "aws4_request"]
            .iter()
            .fold(first, |key, text| hmac(key.as_ref(), text));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={HEADERS}, Signature={}",
            self.access_key,
            hex(hmac(key.as_ref(), &text).as_ref())
        )
    }
}

fn hmac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&Key::new(HMAC_SHA256, key), text.as_bytes())
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected signature is by botocore 1.43.127.
    #[test]
    fn a_call_is_signed_as_botocore_signs_it() {
        let signer = Signer {
            access_key: "bench".to_owned(),
            secret: "bench".to_owned(),
            session: "bench".to_owned(),
            region: "eu-central-1".to_owned(),
        };
        let header = signer.sign(
            "localhost:8000",
            "DynamoDB_20120810.GetItem",
            "20261127T120000Z",
            r#"{"TableName":"actors"}"#,
        );
        let signature = "e885f54b2800a6ff087afd4ccc24f1221d0faab4bb60eb6fbe5d1dee24c7499c";
        assert!(header.ends_with(signature), "{header}");
    }
}
