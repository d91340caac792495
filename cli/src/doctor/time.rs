//! Durations and moments as the report shows them.

use chrono::{DateTime, Utc};

/// A duration in its largest unit, rounded down.
pub(super) fn duration(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = unit.unwrap_or((1.0, "second"));
    let count = (seconds / unit).floor();
    match count {
        1.0 => format!("1 {name}"),
        // No clock is that wrong: the number has up to 300 digits.
        _ if count > 1_000_000.0 => format!("more than a million {name}s"),
        _ => format!("{count} {name}s"),
    }
}

fn date(seconds: f64) -> Option<DateTime<Utc>> {
    // A float that does not fit becomes the nearest integer, which no date has.
    DateTime::from_timestamp(seconds as i64, 0)
}

/// A time in RFC 3339; `None` if it is beyond all dates.
pub(super) fn rfc_3339(seconds: f64) -> Option<String> {
    Some(date(seconds)?.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A time as a reader sees it.
pub(super) fn moment(seconds: f64) -> String {
    match date(seconds) {
        Some(date) => date.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => "a time beyond all dates".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_one_unit_and_few_digits() {
        let check = |seconds: f64, expected: &str| assert_eq!(duration(seconds), expected);
        check(0.5, "0 seconds");
        check(59.9, "59 seconds");
        check(60.0, "1 minute");
        check(7199.0, "1 hour");
        check(2.5 * 86_400.0, "2 days");
        check(1e300, "more than a million days");
    }

    #[test]
    fn a_moment_beyond_all_dates_is_no_number() {
        assert_eq!(moment(0.0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(1e300), "a time beyond all dates");
        assert_eq!(rfc_3339(-1e300), None);
    }
}
