//! Reads login histories in the columns of the public RBA data set (Wiefling et al. 2022), as comma-separated values.
//!
//! RFC 4180 with what is met in the wild: a byte-order mark, an index column, columns in any order and letter case,
//! `-` or nothing for what is missing, truth as `True`, `1` or `yes`. Columns are found by name, those that are missing
//! are not known. A row that can't be read is an error of its own, and the reader goes on after it. Bounds on fields,
//! columns and rows keep memory small whatever comes.

use std::io::{self, BufRead};

use thiserror::Error;

use super::event::{DeviceKey, Event};
use super::value::fingerprint;

/// One row: an attempt, and what is known of its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Stands for the person.
    pub person: u64,
    /// What a service would have known; `recent` is left empty.
    pub event: Event,
    /// The password was right.
    pub is_successful: bool,
    /// The label; only to judge.
    pub is_takeover: bool,
    /// The key that the browser was given at the end, written with a `+`; it had none before.
    pub minted: Option<u64>,
    /// The kind of attack, where the last column says it; only to judge.
    pub kind: Option<String>,
}

/// Why a history can't be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It can't be read at all.
    #[error("cannot read")]
    Unreadable(#[source] io::Error),
    /// There is no first line.
    #[error("empty")]
    Empty,
    /// A column that every history must have.
    #[error("no column {0:?}")]
    MissingColumn(&'static str),
    /// Too many columns.
    #[error("more than {MOST_COLUMNS} columns")]
    TooManyColumns,
    /// A row is at fault; the next can be read.
    #[error("line {line}: {fault}")]
    Row {
        /// Where, from 1.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a row.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Longer than any row may be.
    #[error("longer than {MOST_ROW_BYTES} bytes")]
    TooLong,
    /// A quote is not closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotText,
    /// A time that can't be read.
    #[error("no time")]
    NoTime,
    /// Nobody's.
    #[error("no user")]
    NoUser,
}

/// Bytes of one row, quotes and line ends in quotes included.
const MOST_ROW_BYTES: usize = 64 * 1024;
const MOST_COLUMNS: usize = 256;
/// Characters of a text that are kept.
const MOST_TEXT_BYTES: usize = 1024;

/// Reads rows one after another.
pub struct History<R> {
    source: R,
    line: u64,
    columns: [Option<usize>; COLUMNS.len()],
}

/// The columns that are known, by their names in the data set; then our own.
const COLUMNS: [&str; 21] = [
    "Login Timestamp",
    "User ID",
    "Round-Trip Time [ms]",
    "IP Address",
    "Country",
    "Region",
    "City",
    "ASN",
    "User Agent String",
    "Browser Name and Version",
    "OS Name and Version",
    "Device Type",
    "Login Successful",
    "Is Account Takeover",
    "Attack Kind",
    "Device Key",
    "Key Hold [ms]",
    "Key Flight [ms]",
    "Pointer Speed [px/s]",
    "Fill Time [ms]",
    "Client Hints",
];

impl<R: BufRead> History<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Where the names of the columns can't be read, or time, user or success is not among them.
    pub fn open(source: R) -> Result<Self, HistoryError> {
        let mut history = Self {
            source,
            line: 0,
            columns: [None; COLUMNS.len()],
        };
        let names = history.fields()?.ok_or(HistoryError::Empty)?;
        if names.len() > MOST_COLUMNS {
            return Err(HistoryError::TooManyColumns);
        }
        for (slot, column) in history.columns.iter_mut().zip(COLUMNS) {
            *slot = names.iter().position(|name| {
                name.trim_start_matches('\u{feff}')
                    .trim()
                    .eq_ignore_ascii_case(column)
            });
        }
        for needed in [0, 1, 12] {
            if history.columns[needed].is_none() {
                return Err(HistoryError::MissingColumn(COLUMNS[needed]));
            }
        }
        Ok(history)
    }

    /// The history has labels to judge by.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        self.columns[13].is_some()
    }

    fn row(&self, fields: &[String]) -> Result<Row, Fault> {
        let text = |column: usize| -> Option<&str> {
            let field = fields.get(self.columns[column]?)?.trim();
            let is_missing = field.is_empty()
                || ["-", "nan", "none", "null"]
                    .iter()
                    .any(|word| field.eq_ignore_ascii_case(word));
            (!is_missing).then_some(field)
        };
        let owned = |column: usize| text(column).map(|t| clipped(t).to_owned());
        let number = |column: usize| text(column)?.parse::<f64>().ok().filter(|n| n.is_finite());
        let truth = |column: usize| text(column).is_some_and(is_true);
        let mut event = Event {
            at_s: text(0).and_then(time_s).ok_or(Fault::NoTime)?,
            round_trip_ms: number(2).filter(|ms| *ms > 0.0),
            address: owned(3),
            network: text(7).and_then(network),
            sample_reused: false,
            ..Event::default()
        };
        event.place.country = owned(4);
        event.place.region = owned(5);
        event.place.city = owned(6);
        event.agent.text = owned(8);
        event.agent.browser = owned(9);
        event.agent.system = owned(10);
        event.agent.device = owned(11);
        event.agent.hints = owned(20);
        if let (None, None, Some(agent)) =
            (&event.agent.browser, &event.agent.system, &event.agent.text)
        {
            let device = event.agent.device.take();
            event.agent = super::Agent::parse(agent, event.agent.hints.clone());
            event.agent.device = device.or(event.agent.device);
        }
        event.device_key = match (self.columns[15], text(15)) {
            (None, _) => DeviceKey::NotAsked,
            (Some(_), None) => DeviceKey::Absent,
            (Some(_), Some(key)) if key.starts_with('+') => DeviceKey::Absent,
            (Some(_), Some(key)) => DeviceKey::Proved(fingerprint(key)),
        };
        event.page.key_hold_ms = number(16);
        event.page.key_flight_ms = number(17);
        event.page.pointer_px_per_s = number(18);
        event.page.filled_in_ms = number(19);
        Ok(Row {
            person: fingerprint(text(1).ok_or(Fault::NoUser)?),
            event,
            is_successful: truth(12),
            is_takeover: truth(13),
            minted: text(15)
                .and_then(|key| key.strip_prefix('+'))
                .map(fingerprint),
            kind: owned(14),
        })
    }

    /// The fields of the next row; nothing at the end.
    fn fields(&mut self) -> Result<Option<Vec<String>>, HistoryError> {
        let line = self.line + 1;
        let fault = |fault| HistoryError::Row { line, fault };
        let mut row = Vec::new();
        let (mut quotes, mut too_long) = (0usize, false);
        loop {
            let (used, ended) = {
                let chunk = self.source.fill_buf().map_err(HistoryError::Unreadable)?;
                if chunk.is_empty() {
                    break;
                }
                let end = chunk.iter().position(|b| *b == b'\n');
                let part = &chunk[..end.map_or(chunk.len(), |at| at + 1)];
                if row.len() + part.len() > MOST_ROW_BYTES {
                    too_long = true;
                    row.clear();
                    quotes = 0;
                } else {
                    quotes += part.iter().filter(|b| **b == b'"').count();
                    row.extend_from_slice(part);
                }
                (part.len(), end.is_some())
            };
            self.source.consume(used);
            self.line += u64::from(ended);
            if ended && (too_long || quotes % 2 == 0) {
                break;
            }
        }
        if too_long {
            return Err(fault(Fault::TooLong));
        }
        if row.is_empty() {
            return Ok(None);
        }
        if quotes % 2 == 1 {
            return Err(fault(Fault::OpenQuote));
        }
        let text = std::str::from_utf8(&row).map_err(|_| fault(Fault::NotText))?;
        Ok(Some(split(text.trim_end_matches(['\r', '\n']))))
    }
}

impl<R: BufRead> Iterator for History<R> {
    type Item = Result<Row, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let fields = match self.fields() {
                Ok(fields) => fields?,
                Err(error) => return Some(Err(error)),
            };
            if fields.iter().all(|f| f.trim().is_empty()) {
                continue;
            }
            let line = self.line;
            let row = self.row(&fields);
            return Some(row.map_err(|fault| HistoryError::Row { line, fault }));
        }
    }
}

/// RFC 4180, section 2: fields at commas; in quotes all is text, and a quote is written twice.
fn split(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if is_quoted || field.is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                fields.push(std::mem::take(&mut field));
                if fields.len() > MOST_COLUMNS {
                    return fields;
                }
            }
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

fn clipped(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn is_true(text: &str) -> bool {
    ["true", "t", "yes", "y"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
        || text.parse::<f64>().is_ok_and(|n| n == 1.0)
}

/// `AS2119`, `2119` or `2119.0`.
fn network(text: &str) -> Option<u32> {
    let digits = match text.get(..2) {
        Some(mark) if mark.eq_ignore_ascii_case("as") => text[2..].trim(),
        _ => text,
    };
    let number: f64 = digits.parse().ok()?;
    (number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0)
        .then_some(number as u32)
}

/// `2020-02-03 12:43:30.772`, as ISO 8601 with `T`, `Z` or an offset, a day alone, or seconds or milliseconds since 1970.
fn time_s(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let seconds = if number.abs() > 1e11 {
            number / 1000.0
        } else {
            number
        };
        return (seconds.abs() < 1e11).then_some(seconds.floor() as i64);
    }
    let (date, rest) = match text.get(10..11) {
        Some("T" | "t" | " ") => (text.get(..10)?, text.get(11..)?.trim()),
        None => (text, "00:00"),
        Some(_) => return None,
    };
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    let (clock, offset_s) = offset(rest)?;
    let mut parts = clock.split(':');
    let mut whole = |most: i64| -> Option<i64> {
        parts
            .next()?
            .parse::<i64>()
            .ok()
            .filter(|n| (0..=most).contains(n))
    };
    let (hour, minute) = (whole(23)?, whole(59)?);
    let second = match parts.next() {
        None => 0.0,
        Some(text) => text
            .parse::<f64>()
            .ok()
            .filter(|s| (0.0..61.0).contains(s))?,
    };
    let days = days_since_1970(year, month, day);
    Some(days * 86_400 + hour * 3600 + minute * 60 + second as i64 - offset_s)
}

/// The clock time without its offset from UTC, and that in seconds.
fn offset(text: &str) -> Option<(&str, i64)> {
    let text = text.trim();
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    if let Some(clock) = text.strip_suffix("UTC") {
        return Some((clock.trim_end(), 0));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, 0));
    };
    let (clock, offset) = (&text[..at], &text[at + 1..]);
    let digits: String = offset.chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok().filter(|_| digits.len() <= 4)?;
    let minutes = match digits.len() {
        0..=2 => number * 60,
        _ => number / 100 * 60 + number % 100,
    };
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    Some((clock.trim_end(), sign * minutes * 60))
}

/// Days in the Gregorian calendar, years beginning in March (Hinnant 2013).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: &str = "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover,Attack Kind";

    fn read(text: &str) -> Vec<Result<Row, HistoryError>> {
        History::open(text.as_bytes()).expect("opens").collect()
    }

    #[test]
    fn a_row_of_the_data_set_is_read() {
        let text = format!(
            "\u{feff}{NAMES}\r\n0,2020-02-03 12:43:30.772,-4324475583306591935,,10.0.65.171,NO,-,-,29695,\"Mozilla/5.0 (like \"\"Gecko\"\", x)\",Firefox 20.0.0.1618,iOS 13.4,mobile,False,False,1,naive\n\n1,x,2,3,4\n"
        );
        let rows = read(&text);
        let row = rows[0].as_ref().expect("a row");
        assert_eq!(row.event.at_s, 1_580_733_810);
        assert_eq!(
            row.event.agent.text.as_deref(),
            Some("Mozilla/5.0 (like \"Gecko\", x)")
        );
        assert_eq!(
            (row.event.network, row.event.round_trip_ms),
            (Some(29_695), None)
        );
        assert_eq!(
            (&row.event.place.region, row.event.device_key),
            (&None, DeviceKey::NotAsked)
        );
        assert!(!row.is_successful && row.is_takeover && row.kind.as_deref() == Some("naive"));
        assert!(matches!(
            rows[1],
            Err(HistoryError::Row {
                line: 4,
                fault: Fault::NoTime
            })
        ));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn times_are_read_as_they_are_written_in_the_wild() {
        for (text, expected) in [
            ("1970-01-02", 86_400),
            ("1970-01-01T01:00:00Z", 3600),
            ("1970-01-01 01:00:00+01:00", 0),
            ("1970-01-01 01:00", 3600),
            ("2000-02-29 00:00:00.999 UTC", 951_782_400),
            ("951782400", 951_782_400),
            ("951782400123", 951_782_400),
        ] {
            assert_eq!(time_s(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2020-13-01",
            "2020-01-01 25:00",
            "2020-01-01x",
            "1e300",
            "2020-01-01 1:2+99999",
        ] {
            assert_eq!(time_s(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_history_is_refused() {
        assert!(matches!(
            History::open(&b""[..]).err(),
            Some(HistoryError::Empty)
        ));
        let no_user = History::open(&b"Login Timestamp,Login Successful\n"[..]).err();
        assert!(matches!(
            no_user,
            Some(HistoryError::MissingColumn("User ID"))
        ));
        let many = ",".repeat(MOST_COLUMNS + 1);
        assert!(matches!(
            History::open(many.as_bytes()).err(),
            Some(HistoryError::TooManyColumns)
        ));
        let head = "Login Timestamp,User ID,Login Successful\n";
        let fault = |row: &[u8]| {
            let text = [head.as_bytes(), row].concat();
            let first = History::open(&text[..]).expect("opens").next();
            match first {
                Some(Err(HistoryError::Row { fault, .. })) => fault,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(fault(b"1,\"2"), Fault::OpenQuote);
        assert_eq!(fault(b"1,\xff,1"), Fault::NotText);
        assert_eq!(fault(b"1,-,1"), Fault::NoUser);
        assert_eq!(fault(&vec![b'"'; 3 * MOST_ROW_BYTES]), Fault::TooLong);
        // The reader goes on after a row that is too long.
        let text = format!("{head}{}\n5,6,1\n", "x".repeat(2 * MOST_ROW_BYTES));
        let rows = read(&text);
        assert!(rows.len() == 2 && rows[1].as_ref().is_ok_and(|r| r.is_successful));
    }

    #[test]
    fn a_device_key_is_proved_or_given_or_not_there() {
        let rows = read(
            "Login Timestamp,User ID,Login Successful,Device Key\n1,2,1,+ab\n1,2,1,ab\n1,2,1,\n",
        );
        let keys: Vec<_> = rows
            .iter()
            .flatten()
            .map(|r| (r.event.device_key, r.minted))
            .collect();
        let ab = fingerprint("ab");
        assert_eq!(
            keys,
            [
                (DeviceKey::Absent, Some(ab)),
                (DeviceKey::Proved(ab), None),
                (DeviceKey::Absent, None)
            ]
        );
    }

    #[test]
    fn numbers_and_truth_have_many_forms() {
        assert_eq!(network("AS2119"), Some(2119));
        assert_eq!(network("2119.0"), Some(2119));
        assert_eq!(network("-1"), None);
        assert_eq!(network("é"), None);
        assert!(
            is_true("TRUE") && is_true("1") && is_true("1.0") && !is_true("0") && !is_true("False")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..600), rows in "([-0-9: .,\"A-Za-z]{0,80}\n){0,6}") {
            let _ = History::open(&bytes[..]).map(Iterator::count);
            let text = format!("{NAMES}\n{rows}");
            let read = History::open(text.as_bytes()).expect("opens").count();
            prop_assert!(read <= rows.lines().count());
        }

        #[test]
        fn fields_are_parted_as_they_were_joined(fields in proptest::collection::vec("[a-z,\"\n ]{0,8}", 1..6)) {
            let quoted: Vec<String> = fields.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect();
            prop_assert_eq!(split(&quoted.join(",")), fields);
        }
    }
}
