//! Times as text: RFC 3339 in UTC, as AWS and our JSON write them, to the second.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Writes `2026-11-21T20:43:42Z`; a time beyond year 9999 is cut to it.
pub fn format(time: SystemTime) -> String {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    };
    let latest = 253_402_300_799; // 9999-12-31T23:59:59Z
    OffsetDateTime::from_unix_timestamp(seconds.clamp(0, latest))
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Reads a time with any offset; nothing if it is not RFC 3339 or lies before 1970.
pub fn parse(text: &str) -> Option<SystemTime> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_goes_out_and_comes_back() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822);
        assert_eq!(format(time), "2026-11-21T20:43:42Z");
        assert_eq!(parse("2026-11-21T20:43:42Z"), Some(time));
        assert_eq!(parse("2026-11-21T21:43:42.500+01:00"), Some(time));
        assert_eq!(parse("yesterday"), None);
    }
}
