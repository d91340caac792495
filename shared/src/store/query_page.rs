//! Pages of rows, parsed directly from DynamoDB's response.
//!
//! The SDK would first build a map of owned attributes for each row, which is most of the cost of a
//! long list.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, mpsc};

use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, Error as OperationError, Output, OutputOrError,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::Error;
use super::item::{Item, ItemView};

/// The result of one Query.
#[derive(Debug)]
pub(super) struct QueryPage<T> {
    /// The parsed items.
    pub(super) rows: Vec<T>,
    /// The key after which the next Query continues; `None` at the end.
    pub(super) last: Option<Item>,
}

/// Sends a Query and parses each item of the response with `read`.
pub(super) async fn query<T: Send + 'static>(
    query: QueryFluentBuilder,
    read: impl Fn(&dyn ItemView) -> Result<T, Error> + Send + Sync + 'static,
) -> Result<QueryPage<T>, Error> {
    let (parsed, pages) = mpsc::channel();
    let reader = Reader {
        read: Arc::new(read),
        parsed,
    };
    let sent = query.customize().interceptor(reader).send().await;
    sent.map_err(|error| Error::of("Query", &error))?;
    // Only an SDK that does not use the reader leaves the channel empty.
    pages.try_recv().unwrap_or_else(|_| {
        Err(Error::Failed {
            call: "Query",
            code: "response not parsed".into(),
        })
    })
}

/// Parses the response of one Query in place of the SDK's deserializer.
struct Reader<T, F> {
    read: Arc<F>,
    /// Takes the page of the attempt that succeeded.
    parsed: mpsc::Sender<Result<QueryPage<T>, Error>>,
}

impl<T, F: Fn(&dyn ItemView) -> Result<T, Error>> Reader<T, F> {
    /// Parses the response body. The outer error is for a body that is not a Query's response, the
    /// inner one for an item that is malformed.
    fn read(&self, body: &[u8]) -> serde_json::Result<Result<QueryPage<T>, Error>> {
        let page: Page<'_> = serde_json::from_slice(body)?;
        let rows = page
            .items
            .iter()
            .map(|item| (self.read)(item))
            .collect::<Result<_, _>>();
        Ok(rows.map(|rows| QueryPage {
            rows,
            last: page.last.map(ItemRef::into_item),
        }))
    }
}

impl<T, F> Clone for Reader<T, F> {
    fn clone(&self) -> Self {
        Self {
            read: Arc::clone(&self.read),
            parsed: self.parsed.clone(),
        }
    }
}

impl<T, F> fmt::Debug for Reader<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

#[dyn_dispatch_hint]
impl<T: Send + 'static, F: Fn(&dyn ItemView) -> Result<T, Error> + Send + Sync + 'static> Intercept
    for Reader<T, F>
{
    fn name(&self) -> &'static str {
        "reads the response"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config
            .interceptor_state()
            .store_put(SharedResponseDeserializer::new(self.clone()));
        Ok(())
    }
}

impl<T: Send + 'static, F: Fn(&dyn ItemView) -> Result<T, Error> + Send + Sync + 'static>
    DeserializeResponse for Reader<T, F>
{
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> OutputOrError {
        let body = response.body().bytes().unwrap_or_default();
        if !response.status().is_success() {
            return Err(OrchestratorError::operation(OperationError::erase(
                error_in(body),
            )));
        }
        let parsed = self
            .read(body)
            .map_err(|error| OrchestratorError::other(BoxError::from(error)))?;
        // The receiver is gone only if nobody waits for the page any more.
        drop(self.parsed.send(parsed));
        Ok(Output::erase(QueryOutput::builder().build()))
    }
}

/// The error in DynamoDB's response. Only its code is used: by the SDK to decide on a retry, and by
/// [`Error::of`].
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>
fn error_in(body: &[u8]) -> QueryError {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        #[serde(rename = "__type")]
        kind: String,
    }
    let kind = serde_json::from_slice(body)
        .map(|ErrorBody { kind }| kind)
        .ok();
    let code = kind.as_ref().and_then(|kind| kind.rsplit('#').next());
    QueryError::generic(
        code.map_or_else(ErrorMetadata::builder, |code| {
            ErrorMetadata::builder().code(code)
        })
        .build(),
    )
}

#[derive(serde::Deserialize)]
struct Page<'a> {
    #[serde(rename = "Items", borrow, default)]
    items: Vec<ItemRef<'a>>,
    #[serde(rename = "LastEvaluatedKey", borrow)]
    last: Option<ItemRef<'a>>,
}

/// An item that borrows from the response, with its attributes in their original order.
struct ItemRef<'a>(Vec<(Text<'a>, Value<'a>)>);

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html#Programming.LowLevelAPI.DataTypeDescriptors>
enum Value<'a> {
    Text(Cow<'a, str>),
    Digits(Cow<'a, str>),
    Other,
}

impl ItemRef<'_> {
    fn value(&self, attribute: &str) -> Option<&Value<'_>> {
        self.0
            .iter()
            .find(|(name, _)| name.0 == attribute)
            .map(|(_, value)| value)
    }

    fn into_item(self) -> Item {
        let attributes = self.0.into_iter().filter_map(|(name, value)| {
            let value = match value {
                Value::Text(text) => AttributeValue::S(text.into_owned()),
                Value::Digits(digits) => AttributeValue::N(digits.into_owned()),
                Value::Other => return None,
            };
            Some((name.0.into_owned(), value))
        });
        attributes.collect()
    }
}

impl ItemView for ItemRef<'_> {
    fn has(&self, attribute: &str) -> bool {
        self.value(attribute).is_some()
    }

    fn text(&self, attribute: &str) -> Option<&str> {
        match self.value(attribute) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn digits(&self, attribute: &str) -> Option<&str> {
        match self.value(attribute) {
            Some(Value::Digits(digits)) => Some(digits),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ItemRef<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Attributes<'a> {
            type Value = ItemRef<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an item")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut attributes = Vec::with_capacity(4);
                while let Some(attribute) = map.next_entry()? {
                    attributes.push(attribute);
                }
                Ok(ItemRef(attributes))
            }
        }
        deserializer.deserialize_map(Attributes(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Typed<'a> {
            type Value = Value<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut value = Value::Other;
                while let Some(kind) = map.next_key::<Text<'a>>()? {
                    match kind.0.as_ref() {
                        "S" => value = Value::Text(map.next_value::<Text<'a>>()?.0),
                        "N" => value = Value::Digits(map.next_value::<Text<'a>>()?.0),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(value)
            }
        }
        deserializer.deserialize_map(Typed(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
    };
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    use aws_types::SdkConfig;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::https::{Https, Roots};

    type Row = (Option<String>, Option<String>);

    fn read(body: &str) -> serde_json::Result<QueryPage<Row>> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let read = Arc::new(move |item: &dyn ItemView| {
            Ok((owned(item.text("name")), owned(item.digits("id"))))
        });
        Reader {
            read,
            parsed: mpsc::channel().0,
        }
        .read(body.as_bytes())
        .map(Result::unwrap)
    }

    fn row(name: &str, id: &str) -> Row {
        (Some(name.to_owned()), Some(id.to_owned()))
    }

    #[test]
    fn items_are_parsed_and_other_members_ignored() {
        let body = r#"{"Count": 3, "Items": [
            {"id": {"N": "1"}, "name": {"S": "Ida"}},
            {"name": {"S": "a \"b\" \u00e9\ud83c\udfad"}, "more": {"L": [{"M": {"name": {"S": "no"}}}]}, "id": {"N": "2"}},
            {"name": {"N": "1"}, "id": {"NULL": true}}
        ], "ScannedCount": 3, "ConsumedCapacity": {"CapacityUnits": 0.5}}"#;
        let parsed = read(body).unwrap();
        assert_eq!(
            parsed.rows,
            [row("Ida", "1"), row("a \"b\" é🎭", "2"), (None, None)]
        );
        assert_eq!(parsed.last, None);
    }

    /// The reader depends on how the SDK finds the deserializer of an operation.
    #[tokio::test]
    async fn the_sdk_parses_a_query_with_the_reader() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(url)
            .build();
        let client = crate::store::client(&config, &Https::new(&Roots::public()));
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The request fits into one read; its content does not matter.
            assert_ne!(stream.read(&mut [0; 8192]).await.unwrap(), 0);
            let body = r#"{"Items": [{"id": {"N": "1"}}]}"#;
            let response = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(response.as_bytes()).await.unwrap();
            stream
        };
        let id = |item: &dyn ItemView| Ok(item.digits("id").map(str::to_owned));
        let page = super::query(client.query().table_name("t"), id);
        let (page, _stream) = tokio::join!(page, serving);
        assert_eq!(page.unwrap().rows, [Some("1".to_owned())]);
    }

    #[test]
    fn the_last_evaluated_key_is_returned_as_an_sdk_item() {
        let parsed =
            read(r#"{"Items": [], "LastEvaluatedKey": {"bucket": {"N": "0"}, "by": {"S": "x"}}}"#)
                .unwrap();
        let expected = [
            ("bucket", AttributeValue::N("0".into())),
            ("by", AttributeValue::S("x".into())),
        ];
        assert_eq!(
            parsed.last,
            Some(
                expected
                    .map(|(name, value)| (name.to_owned(), value))
                    .into()
            )
        );
        assert!(parsed.rows.is_empty() && read("{}").unwrap().rows.is_empty());
    }

    #[test]
    fn a_dynamodb_error_keeps_its_code() {
        let prefix = "com.amazonaws.dynamodb.v20120810#";
        let body = format!(
            r#"{{"__type": "{prefix}ResourceNotFoundException", "message": "no such table"}}"#
        );
        assert_eq!(
            error_in(body.as_bytes()).code(),
            Some("ResourceNotFoundException")
        );
        for body in ["", "<html>", "{}", "[]"] {
            assert_eq!(error_in(body.as_bytes()).code(), None, "{body}");
        }
    }

    #[test]
    fn a_malformed_query_response_is_an_error() {
        for body in [
            "",
            "[]",
            "{",
            r#"{"Items": {}}"#,
            r#"{"Items": [1]}"#,
            r#"{"Items": [{"id": "1"}]}"#,
            r#"{"Items": [{"id": {"N": 1}}]}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
