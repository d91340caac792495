//! Release dates: parsed from many formats, printed in one.
//!
//! Every format is a date, then an optional time, then an optional offset; the table in the tests
//! shows them all.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Serialize, Serializer};

use super::form::Field;
use super::text::string;

/// The moment a movie is released: whole seconds, UTC, in the years 1800 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseDate(DateTime<Utc>);

const UNREADABLE: &str = "must be a date of the years 1800 to 9999, best written YYYY-MM-DD";
const AMBIGUOUS: &str = "can be read as two different dates; write it as YYYY-MM-DD";

impl ReleaseDate {
    /// The current time, in whole seconds.
    pub fn now() -> Self {
        Self::from_timestamp(Utc::now().timestamp()).unwrap_or(Self(DateTime::UNIX_EPOCH))
    }

    /// The moment this many seconds after 1970-01-01T00:00:00Z, if it is in the years 1800 to 9999.
    pub fn from_timestamp(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0)
            .filter(|date| (1800..=9999).contains(&date.year()))
            .map(Self)
    }

    /// The moment as seconds since 1970-01-01T00:00:00Z.
    pub fn timestamp(self) -> i64 {
        self.0.timestamp()
    }

    /// Parses a date in any format of the contract: ISO 8601 and RFC 3339
    /// (`2020-05-14T14:02:13+02:00`), RFC 1123 and RFC 2822 (`Thu, 14 May 2020 14:02:13 GMT`),
    /// `May 14, 2020`, `2020.05.14`, and `12/25/2020` or `25-12-2020` where only one reading is a
    /// date. The time defaults to midnight, the offset to UTC.
    ///
    /// # Errors
    /// The rule that the text breaks. For a date that can be read two ways, it asks for
    /// `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Self::read_with(text, 0)
    }

    /// As [`Self::parse`], for the end of a span: a date without a time is the last second of that
    /// day.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn parse_end(text: &str) -> Result<Self, &'static str> {
        Self::read_with(text, 86_399)
    }

    /// Parses a date. If it has no time, the time is `default_time`, in seconds after midnight.
    fn read_with(text: &str, default_time: i64) -> Result<Self, &'static str> {
        let mut cursor = Parser(without_comment(text.trim()));
        let date = cursor.date()?;
        let seconds = if cursor.0.is_empty() {
            default_time
        } else {
            cursor.time_and_offset().ok_or(UNREADABLE)?
        };
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        Self::from_timestamp(midnight + seconds)
            .filter(|_| cursor.0.is_empty())
            .ok_or(UNREADABLE)
    }
}

impl std::fmt::Display for ReleaseDate {
    /// RFC 1123 in GMT: `Thu, 14 May 2020 14:02:13 GMT`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.format("%a, %d %b %Y %H:%M:%S GMT").fmt(f)
    }
}

impl Serialize for ReleaseDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Field for ReleaseDate {
    fn read(json: &str) -> Result<Self, &'static str> {
        string(json)
            .ok_or(UNREADABLE)
            .and_then(|text| Self::parse(&text))
    }
}

/// The text without a trailing comment, which RFC 2822 (section 3.2.3) allows, as in `+0000 (UTC)`.
fn without_comment(text: &str) -> &str {
    text.strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
        .map_or(text, |(text, _)| text)
}

/// The rest of the text, not parsed yet.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    fn date(&mut self) -> Result<NaiveDate, &'static str> {
        if self.0.starts_with(|first: char| first.is_ascii_digit()) {
            let number = self.digits();
            if self.0.starts_with(['-', '/', '.']) {
                self.numeric_date(number)
            } else {
                self.day_month_year(number)
            }
        } else {
            self.worded_date()
        }
    }

    /// `2020-05-14`, `25-12-2020`, `12/25/2020`: three numbers with one separator, the year first
    /// or last.
    fn numeric_date(&mut self, first: &str) -> Result<NaiveDate, &'static str> {
        let separator = self.0.chars().next().ok_or(UNREADABLE)?;
        let mut next = || {
            self.take(separator)
                .then(|| self.digits())
                .ok_or(UNREADABLE)
        };
        let (second, third) = (next()?, next()?);
        if first.len() == 4 {
            return date(first, second, third).ok_or(UNREADABLE);
        }
        match (date(third, first, second), date(third, second, first)) {
            (Some(month_first), Some(day_first)) if month_first != day_first => Err(AMBIGUOUS),
            (month_first, day_first) => month_first.or(day_first).ok_or(UNREADABLE),
        }
    }

    /// `May 14, 2020`, or `14 May 2020` after a weekday, which must agree with the date.
    fn worded_date(&mut self) -> Result<NaiveDate, &'static str> {
        let word = self.letters();
        if let Some(month) = month(word) {
            self.spaces().ok_or(UNREADABLE)?;
            let day = self.digits();
            let comma = self.take(',');
            self.spaces().or(comma.then_some(())).ok_or(UNREADABLE)?;
            return date_of(self.digits(), month, day).ok_or(UNREADABLE);
        }
        let weekday: Weekday = word.parse().map_err(|_| UNREADABLE)?;
        let comma = self.take(',');
        self.spaces().or(comma.then_some(())).ok_or(UNREADABLE)?;
        let day = self.digits();
        self.day_month_year(day).and_then(|date| {
            (date.weekday() == weekday)
                .then_some(date)
                .ok_or(UNREADABLE)
        })
    }

    /// The rest of `14 May 2020`, after the day.
    fn day_month_year(&mut self, day: &str) -> Result<NaiveDate, &'static str> {
        self.spaces().ok_or(UNREADABLE)?;
        let month = month(self.letters()).ok_or(UNREADABLE)?;
        self.spaces().ok_or(UNREADABLE)?;
        date_of(self.digits(), month, day).ok_or(UNREADABLE)
    }

    /// Parses the time and offset, and returns the seconds since midnight UTC of the date.
    fn time_and_offset(&mut self) -> Option<i64> {
        let letter = self.take('T') || self.take('t');
        self.spaces().or(letter.then_some(()))?;
        let (hour, minute) = (
            self.two_digits(23)?,
            self.take(':').then(|| self.two_digits(59))??,
        );
        let second = if self.take(':') { self.second()? } else { 0 };
        let offset = self.offset()?;
        let seconds = hour * 3600 + minute * 60 + second - offset;
        // A leap second is the last second of a UTC day (RFC 3339, section 5.7). It counts as the
        // first second of the next day.
        (second < 60 || seconds.rem_euclid(86_400) == 0).then_some(seconds)
    }

    /// Parses a second, 60 for a leap second. A fraction is ignored: release dates are whole
    /// seconds.
    fn second(&mut self) -> Option<i64> {
        let second = self.two_digits(60)?;
        if self.take('.') || self.take(',') {
            (!self.digits().is_empty()).then_some(())?;
        }
        Some(second)
    }

    /// Parses the offset in seconds east of UTC: `Z`, `+02:00`, `+0200`, `+02`, or a zone name of
    /// RFC 2822, section 4.3. Without an offset it is 0.
    fn offset(&mut self) -> Option<i64> {
        let _ = self.spaces();
        let sign = match self.0.chars().next() {
            None => return Some(0),
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => return zone(self.letters()),
        };
        self.0 = &self.0[1..];
        let hours = self.two_digits(23)?;
        let minutes = if self.take(':') || !self.0.is_empty() {
            self.two_digits(59)?
        } else {
            0
        };
        let seconds = sign * (hours * 3600 + minutes * 60);
        FixedOffset::east_opt(i32::try_from(seconds).ok()?).map(|_| seconds)
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn spaces(&mut self) -> Option<()> {
        let rest = self.0.trim_start_matches(' ');
        let found = rest.len() < self.0.len();
        self.0 = rest;
        found.then_some(())
    }

    fn digits(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_digit())
    }

    fn letters(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_alphabetic())
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !accepts(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn two_digits(&mut self, greatest: i64) -> Option<i64> {
        let digits = self
            .0
            .get(..2)
            .filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.0 = &self.0[2..];
        digits.parse().ok().filter(|number| *number <= greatest)
    }
}

/// The date of three strings of digits: a year of four, a month and a day of one or two.
fn date(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    (1..=2)
        .contains(&month.len())
        .then(|| date_of(year, month.parse().ok()?, day))?
}

fn date_of(year: &str, month: u32, day: &str) -> Option<NaiveDate> {
    let well_formed = year.len() == 4 && (1..=2).contains(&day.len());
    well_formed.then(|| NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?))?
}

/// The number of a month from its English name or the first three letters of it.
fn month(word: &str) -> Option<u32> {
    word.parse::<chrono::Month>()
        .ok()
        .map(|month| month.number_from_month())
}

/// The offset of a named zone, in seconds east of UTC.
fn zone(name: &str) -> Option<i64> {
    let hours = match name.to_ascii_uppercase().as_str() {
        "Z" | "UTC" | "GMT" | "UT" => 0,
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
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let read = ReleaseDate::parse(text).map(|date| date.to_string());
        assert_eq!(read, expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn every_documented_date_format_is_parsed() {
        let table = [
            ("2020-05-14", "Thu, 14 May 2020 00:00:00 GMT"),
            ("2021-10-1", "Fri, 01 Oct 2021 00:00:00 GMT"),
            ("2021-1-1", "Fri, 01 Jan 2021 00:00:00 GMT"),
            ("  2020-05-14  ", "Thu, 14 May 2020 00:00:00 GMT"),
            ("2020-05-14T14:02", "Thu, 14 May 2020 14:02:00 GMT"),
            ("2020-05-14T14:02:13", "Thu, 14 May 2020 14:02:13 GMT"),
            ("2020-05-14 14:02:13", "Thu, 14 May 2020 14:02:13 GMT"),
            ("2020-05-14t14:02:13z", "Thu, 14 May 2020 14:02:13 GMT"),
            ("2020-05-14T14:02:13.999Z", "Thu, 14 May 2020 14:02:13 GMT"),
            (
                "2020-05-14T14:02:13.123456789+00:00",
                "Thu, 14 May 2020 14:02:13 GMT",
            ),
            ("2020-05-14T14:02:13,5Z", "Thu, 14 May 2020 14:02:13 GMT"),
            ("2020-05-14T14:02:13+02:00", "Thu, 14 May 2020 12:02:13 GMT"),
            ("2020-05-14T14:02:13-0530", "Thu, 14 May 2020 19:32:13 GMT"),
            ("2020-05-14T14:02+02", "Thu, 14 May 2020 12:02:00 GMT"),
            (
                "2020-05-14 14:02:13 +02:00",
                "Thu, 14 May 2020 12:02:13 GMT",
            ),
            ("2020-05-14 14:02:13 UTC", "Thu, 14 May 2020 14:02:13 GMT"),
            ("2020-12-31T23:30:00-01:00", "Fri, 01 Jan 2021 00:30:00 GMT"),
            ("2016-12-31T23:59:60Z", "Sun, 01 Jan 2017 00:00:00 GMT"),
            ("2017-01-01T00:59:60+01:00", "Sun, 01 Jan 2017 00:00:00 GMT"),
            (
                "Thu, 14 May 2020 14:02:13 GMT",
                "Thu, 14 May 2020 14:02:13 GMT",
            ),
            (
                "Thu,14 May 2020 14:02:13 +0000 (UTC)",
                "Thu, 14 May 2020 14:02:13 GMT",
            ),
            (
                "thu, 14 may 2020 14:02:13 gmt",
                "Thu, 14 May 2020 14:02:13 GMT",
            ),
            (
                "Thu, 14 May 2020 14:02:13 +0200",
                "Thu, 14 May 2020 12:02:13 GMT",
            ),
            ("14 May 2020 14:02 -0700", "Thu, 14 May 2020 21:02:00 GMT"),
            (
                "Fri, 1 Jan 2021 00:00:00 EST",
                "Fri, 01 Jan 2021 05:00:00 GMT",
            ),
            ("May 14, 2020", "Thu, 14 May 2020 00:00:00 GMT"),
            ("december 1, 1999", "Wed, 01 Dec 1999 00:00:00 GMT"),
            ("Sep 1, 2020", "Tue, 01 Sep 2020 00:00:00 GMT"),
            ("2020.05.14", "Thu, 14 May 2020 00:00:00 GMT"),
            ("12/25/2020", "Fri, 25 Dec 2020 00:00:00 GMT"),
            ("25-12-2020", "Fri, 25 Dec 2020 00:00:00 GMT"),
            ("25/12/2020", "Fri, 25 Dec 2020 00:00:00 GMT"),
            ("12-25-2020", "Fri, 25 Dec 2020 00:00:00 GMT"),
            ("25.12.2020", "Fri, 25 Dec 2020 00:00:00 GMT"),
            ("05/05/2020", "Tue, 05 May 2020 00:00:00 GMT"),
            ("29/2/2020", "Sat, 29 Feb 2020 00:00:00 GMT"),
            ("1800-01-01", "Wed, 01 Jan 1800 00:00:00 GMT"),
            ("9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("9999-12-31T23:59:59+01:00", "Fri, 31 Dec 9999 22:59:59 GMT"),
            ("1799-12-31T23:30:00-01:00", "Wed, 01 Jan 1800 00:30:00 GMT"),
        ];
        for (text, expected) in table {
            check(text, Ok(expected));
        }
    }

    #[test]
    fn only_documented_time_zones_are_accepted_in_any_case() {
        for (zone, hour) in [
            ("Z", "14"),
            ("GMT", "14"),
            ("UTC", "14"),
            ("UT", "14"),
            ("EDT", "18"),
            ("EST", "19"),
            ("CDT", "19"),
            ("CST", "20"),
            ("MDT", "20"),
            ("MST", "21"),
            ("PDT", "21"),
            ("PST", "22"),
        ] {
            let expected = format!("Thu, 14 May 2020 {hour}:02:13 GMT");
            check(&format!("2020-05-14 14:02:13 {zone}"), Ok(&expected));
            check(
                &format!("2020-05-14T14:02:13{}", zone.to_lowercase()),
                Ok(&expected),
            );
        }
        for zone in ["A", "Y", "BST", "CET", "EASTERN"] {
            check(&format!("2020-05-14 14:02:13 {zone}"), Err(UNREADABLE));
        }
    }

    #[test]
    fn an_ambiguous_date_is_rejected() {
        for text in [
            "01/02/2020",
            "1/2/2020",
            "02-01-2020",
            "12.11.2020",
            "01/02/2020 10:00",
        ] {
            check(text, Err(AMBIGUOUS));
        }
        assert!(AMBIGUOUS.contains("YYYY-MM-DD"));
    }

    #[test]
    fn any_other_date_is_rejected() {
        let refused = [
            "",
            " ",
            "soon",
            "now",
            "2020",
            "2020-05",
            "20200514",
            "2020-W20-4",
            "2020-135",
            "20-05-14",
            "12020-05-14",
            "-2020-05-14",
            "2020-13-01",
            "2020-14-05",
            "2020-00-10",
            "2020-05-00",
            "2020-05-32",
            "2021-02-29",
            "2020-005-14",
            "2020-05-014",
            "2020-05/14",
            "2020--05-14",
            "2020-05-14T",
            "2020-05-14Z",
            "2020-05-14T14",
            "2020-05-14T24:00:00",
            "2020-05-14T14:60",
            "2020-05-14T14:02:61",
            "2020-05-14T1:02",
            "2020-05-14T14:02:13.",
            "2020-05-14T14:02:13+24:00",
            "2020-05-14T14:02:13+02:60",
            "2020-05-14T14:02:13+2",
            "2020-05-14T14:02:13 Mars",
            "2020-05-14T14:02:13Zulu",
            "2020-05-14T14:02:13Z extra",
            "2020-05-14T14:02:60Z",
            "2020-05-14x14:02",
            "Fri, 14 May 2020 14:02:13 GMT",
            "Thu, 14 Mai 2020 14:02:13 GMT",
            "Thu, 14 May 20 14:02:13 GMT",
            "Thu 2020-05-14",
            "May 32, 2020",
            "May 2020",
            "Mayday 14, 2020",
            "May 14, 20",
            "May14,2020",
            "13/13/2020",
            "31/02/2020",
            "00/00/0000",
            "12/25/20",
            "1799-12-31",
            "1800-01-01T00:30:00+01:00",
            "10000-01-01",
            "9999-12-31T23:30:00-01:00",
            "٢٠٢٠-٠٥-١٤",
            "２０２０-05-14",
            "2020-05-14\0",
            "2020\n-05-14",
            "🎬",
            "1589464933",
            "99999999999999999999-1-1",
        ];
        for text in refused {
            check(text, Err(UNREADABLE));
        }
    }

    #[test]
    fn a_formatted_date_parses_to_the_same_date() {
        for seconds in [-5_364_662_400, -1, 0, 1_589_464_933, 253_402_300_799] {
            let date = ReleaseDate::from_timestamp(seconds).unwrap();
            assert_eq!(ReleaseDate::parse(&date.to_string()), Ok(date));
        }
        assert_eq!(ReleaseDate::from_timestamp(-5_364_662_401), None);
        assert_eq!(ReleaseDate::from_timestamp(253_402_300_800), None);
    }

    #[test]
    fn a_range_end_without_a_time_includes_the_whole_day() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                ReleaseDate::parse_end(text).unwrap().to_string(),
                expected,
                "{text}"
            );
        };
        check("2020-05-14", "Thu, 14 May 2020 23:59:59 GMT");
        check("9999-12-31", "Fri, 31 Dec 9999 23:59:59 GMT");
        check("2020-05-14T00:00", "Thu, 14 May 2020 00:00:00 GMT");
        check(
            "Thu, 14 May 2020 14:02:13 GMT",
            "Thu, 14 May 2020 14:02:13 GMT",
        );
        assert_eq!(ReleaseDate::parse_end("01/02/2020"), Err(AMBIGUOUS));
    }

    #[test]
    fn only_a_json_string_is_a_date() {
        for json in ["1589464933", "true", "{}", "[\"2020-05-14\"]", "\"\""] {
            assert_eq!(ReleaseDate::read(json), Err(UNREADABLE), "{json}");
        }
    }
}
