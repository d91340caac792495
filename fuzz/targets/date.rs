//! An accepted release date is printed in one format and parses back to the same moment.

#![no_main]

use chrono::{DateTime, Datelike};
use libfuzzer_sys::fuzz_target;
use shared::model::ReleaseDate;

fuzz_target!(|text: &str| {
    let date = ReleaseDate::parse(text);
    if let Ok(date) = date {
        let printed = date.to_string();
        assert_eq!(ReleaseDate::parse(&printed), Ok(date));
        assert_eq!(ReleaseDate::from_timestamp(date.timestamp()), Some(date));
        assert_eq!(ReleaseDate::parse(&format!(" {text}\t")), Ok(date));
        let read = DateTime::parse_from_rfc2822(&printed).unwrap();
        assert_eq!((printed.len(), read.timestamp()), (29, date.timestamp()));
        assert!((1800..=9999).contains(&read.year()));
    }
    // Everything that chrono accepts as RFC 3339 is accepted here too, as the same moment. Two
    // inputs are excluded because chrono is more lenient than the RFC: a minus sign outside ASCII,
    // and a leap second at any time of day.
    let rfc3339 = DateTime::parse_from_rfc3339(text).ok().filter(|_| text.is_ascii());
    if let Some(read) = rfc3339.filter(|read| read.timestamp_subsec_nanos() < 1_000_000_000) {
        assert_eq!(date.ok(), ReleaseDate::from_timestamp(read.timestamp()));
    }
});
