//! Release dates, read as the API reads them.
//!
//! The API's own parser is in `shared`, which compiles the AWS SDK; a client must not need that. A
//! test checks that both read the same dates.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Month, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use regex_lite::{Captures, Regex};

const UNREADABLE: &str = "must be a date of the years 1800 to 9999, best written YYYY-MM-DD";
const AMBIGUOUS: &str = "can be read as two different dates; write it as YYYY-MM-DD";

/// A date, then optionally a time, then optionally an offset.
static SPELLINGS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?xi)^
        (?: # 2020-05-14, 25.12.2020
            (?<first>\d{1,4}) (?<separator>[-/.]) (?<second>\d{1,2}) (?<repeated>[-/.]) (?<third>\d{1,4})
          | # May 14, 2020
            (?<month>[a-z]+) \x20+ (?<day>\d{1,2}) (?:,\x20*|\x20+) (?<year>\d{4})
          | # 14 May 2020; Thu, 14 May 2020
            (?:(?<weekday>[a-z]+) (?:,\x20*|\x20+))?
            (?<day_first>\d{1,2}) \x20+ (?<month_second>[a-z]+) \x20+ (?<year_third>\d{4})
        )
        (?: # T14:02, 14:02:13.5
            (?:t\x20*|\x20+) (?<hour>\d\d) : (?<minute>\d\d) (?: : (?<seconds>\d\d) (?:[.,]\d+)? )?
            # Z, +02:00, +0200, +02, GMT
            \x20* (?: (?<sign>[-+]) (?<hours>\d\d) (?: :? (?<minutes>\d\d) )? | (?<zone>[a-z]+) )?
        )?$";
    Regex::new(pattern).expect("the pattern is valid")
});

/// Parses a date in any spelling of the API's contract.
///
/// # Errors
/// The rule that the text breaks.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let text = without_comment(text.trim());
    let parts = SPELLINGS.captures(text).ok_or(UNREADABLE)?;
    let midnight = date(&parts)?.and_time(NaiveTime::MIN).and_utc();
    let seconds = seconds(&parts).ok_or(UNREADABLE)?;
    midnight
        .checked_add_signed(TimeDelta::seconds(seconds))
        .filter(|moment| (1800..=9999).contains(&moment.year()))
        .ok_or(UNREADABLE)
}

/// The moment in ISO 8601, which spreadsheets sort by time: `2020-05-14T14:02:13Z`.
pub(crate) fn iso(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The text without a trailing comment, as in `+0000 (UTC)` (RFC 2822, section 3.2.3).
fn without_comment(text: &str) -> &str {
    text.strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
        .map_or(text, |(text, _)| text)
}

/// The text of a group; empty if the group is not in the text.
fn part<'t>(parts: &Captures<'t>, name: &str) -> &'t str {
    parts.name(name).map_or("", |part| part.as_str())
}

fn date(parts: &Captures<'_>) -> Result<NaiveDate, &'static str> {
    let part = |name| part(parts, name);
    let worded = |year: &str, month: &str, day| {
        let month = month.parse::<Month>().ok()?;
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.number_from_month(), number(day)?)
    };
    let date = match (part("first"), part("month")) {
        ("", "") => worded(part("year_third"), part("month_second"), part("day_first"))
            .filter(|date| is_weekday(*date, part("weekday"))),
        ("", month) => worded(part("year"), month, part("day")),
        _ if part("separator") != part("repeated") => None,
        (first, _) => return numeric_date(first, part("second"), part("third")),
    };
    date.ok_or(UNREADABLE)
}

/// Whether a date has this weekday. Without a weekday, every date has.
fn is_weekday(date: NaiveDate, weekday: &str) -> bool {
    weekday.is_empty()
        || weekday
            .parse::<Weekday>()
            .is_ok_and(|weekday| weekday == date.weekday())
}

/// `2020-05-14`, `25-12-2020`, `12/25/2020`: the year is first or last.
fn numeric_date(first: &str, second: &str, third: &str) -> Result<NaiveDate, &'static str> {
    let date = |year: &str, month: &str, day: &str| {
        let is_spelled = year.len() == 4 && month.len() <= 2 && day.len() <= 2;
        is_spelled
            .then(|| NaiveDate::from_ymd_opt(year.parse().ok()?, number(month)?, number(day)?))?
    };
    let readings = [
        date(first, second, third),
        date(third, first, second),
        date(third, second, first),
    ];
    let mut readings = readings.into_iter().flatten();
    let reading = readings.next().ok_or(UNREADABLE)?;
    if readings.all(|other| other == reading) {
        Ok(reading)
    } else {
        Err(AMBIGUOUS)
    }
}

/// The seconds since midnight UTC of the date.
fn seconds(parts: &Captures<'_>) -> Option<i64> {
    let limited = |name, greatest| match part(parts, name) {
        "" => Some(0),
        digits => number(digits).filter(|number| *number <= greatest),
    };
    let (hour, minute, second) = (
        limited("hour", 23)?,
        limited("minute", 59)?,
        limited("seconds", 60)?,
    );
    let offset = i64::from(limited("hours", 23)? * 3600 + limited("minutes", 59)? * 60);
    let offset = match part(parts, "sign") {
        "-" => -offset,
        _ => offset + zone(part(parts, "zone"))?,
    };
    let seconds = i64::from(hour * 3600 + minute * 60 + second) - offset;
    // A leap second is the last second of a UTC day (RFC 3339, section 5.7). It counts as the first
    // second of the next day.
    (second < 60 || seconds.rem_euclid(86_400) == 0).then_some(seconds)
}

fn number(digits: &str) -> Option<u32> {
    digits.parse().ok()
}

/// The offset of a named zone (RFC 2822, section 4.3) in seconds east of UTC; 0 without a name.
fn zone(name: &str) -> Option<i64> {
    let hours = match name.to_ascii_uppercase().as_str() {
        "" | "Z" | "UTC" | "GMT" | "UT" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return None,
    };
    Some(hours * 3600)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::model::ReleaseDate;

    use super::*;

    /// Checks that both parsers read the same date, or none.
    fn check(text: &str) {
        let own = parse(text).map(|date| date.timestamp());
        let expected = ReleaseDate::parse(text).map(ReleaseDate::timestamp);
        assert_eq!(own.ok(), expected.ok(), "{text:?}");
    }

    #[test]
    fn dates_at_the_edges_of_the_contract_are_read_as_the_api_reads_them() {
        for text in [
            "1800-01-01",
            "1800-01-01T00:30:00+01:00",
            "1799-12-31T23:30:00-01:00",
            "9999-12-31T23:30:00-01:00",
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:59:60+01:00",
            "2020-05-14T14:02:60Z",
            "2020-05-14 14:02 (UTC)",
            "2020-05-14  (UTC)",
            "Fri, 14 May 2020",
            "29/2/2020",
            "05/05/2020",
            "2020-05/14",
            "\u{3000}2020-05-14\u{a0}",
            "٢٠٢٠-٠٥-١٤",
        ] {
            check(text);
        }
        for text in ["soon", "01/02/2020"] {
            let expected = ReleaseDate::parse(text).map(|_| DateTime::default());
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    /// A spelling of a date, or nearly one.
    fn spelling() -> impl Strategy<Value = String> {
        let date = prop_oneof![
            "(1[78]|20|99)[0-9]{2}[-/.][01]?[0-9][-/.][0-3]?[0-9]",
            "[0-3]?[0-9][-/.][0-3]?[0-9][-/.](19|20)[0-9]{2}",
            "[0-9]{1,5}[-/.][0-9]{1,3}[-/.][0-9]{1,5}",
            "(May|january|Sept?|DEC|Mai) {1,2}[0-3]?[0-9](, ?| |)20[0-9]{2}",
            "((Mon|tue|Wednesday|Thu|Fri|Sat|Sun|Foo)(, ?| ))?[0-3]?[0-9] (May|jan|Sep) (18|20)[0-9]{2}",
        ];
        let time = "|[Tt ] ?[0-2][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{0,3})?)?";
        let offset =
            "| ?[-+][0-2][0-9](:?[0-6][0-9])?| ?(Z|z|GMT|utc|ut|e[sd]t|C[SD]T|m[sd]t|P[SD]T|A)";
        let end = "|  ?\\((UTC)?\\)| ";
        (date, time, offset, end)
            .prop_map(|(date, time, offset, end)| format!("{date}{time}{offset}{end}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn every_spelling_is_read_as_the_api_reads_it(text in spelling()) {
            check(&text);
        }
    }
}
