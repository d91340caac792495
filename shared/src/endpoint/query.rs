//! The query of a list. Parameters that nobody knows are ignored.

use lambda_http::{Request, RequestExt};

use crate::error::Error;
use crate::model::{Fault, Id};
use crate::store::{Bounds, MAX_LIMIT};

/// Reads `limit` and `after`.
pub(super) fn bounds(request: &Request) -> Result<Bounds, Error> {
    let mut faults = Vec::new();
    let mut parameter = |field, message, read: &dyn Fn(&str) -> Option<Id>| {
        let values = request.query_string_parameters_ref().and_then(|query| query.all(field)).unwrap_or_default();
        let value = values.first().and_then(|value| read(value)).filter(|_| values.len() == 1);
        if value.is_none() && !values.is_empty() {
            faults.push(Fault { field, message });
        }
        value
    };
    let limit = parameter("limit", "must be a whole number from 1 to 1000", &|text| {
        Id::parse(text).filter(|number| number.get() <= u64::from(MAX_LIMIT))
    });
    let after = parameter("after", "must be an id, a whole number from 1 to 9007199254740991", &Id::parse);
    let limit = limit.and_then(|number| u16::try_from(number.get()).ok()).unwrap_or(MAX_LIMIT);
    if faults.is_empty() { Ok(Bounds { limit, after }) } else { Err(Error::Unprocessable(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Bounds, Vec<&'static str>> {
        let parameters: lambda_http::http::Request<_> = lambda_http::http::Request::new(lambda_http::Body::Empty);
        let query: std::collections::HashMap<String, Vec<String>> = serde_json::from_str(query).unwrap();
        bounds(&parameters.with_query_string_parameters(query)).map_err(|error| match error {
            Error::Unprocessable(faults) => faults.iter().map(|fault| fault.field).collect(),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn a_limit_and_an_id_to_go_on_after() {
        assert_eq!(read("{}"), Ok(Bounds { limit: 1000, after: None }));
        assert_eq!(read(r#"{"limit": ["1"], "other": ["x"]}"#), Ok(Bounds { limit: 1, after: None }));
        assert_eq!(read(r#"{"limit": ["1000"], "after": ["7"]}"#), Ok(Bounds { limit: 1000, after: Id::new(7) }));
        for limit in ["", "0", "1001", "-1", "1.5", "ten", " 1", "01", "1,2", "99999999999999999999"] {
            assert_eq!(read(&format!(r#"{{"limit": ["{limit}"]}}"#)), Err(vec!["limit"]), "{limit}");
        }
        for after in ["", "0", "-1", "x", "9007199254740992"] {
            assert_eq!(read(&format!(r#"{{"after": ["{after}"]}}"#)), Err(vec!["after"]), "{after}");
        }
        assert_eq!(read(r#"{"limit": ["1", "2"], "after": ["x"]}"#), Err(vec!["limit", "after"]));
    }
}
