//! What time it is at AWS, from the `Date` header of an answer. Pure.

use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::ClockOffset;

/// Reads the `Date` header (RFC 9110, section 5.6.7).
pub(super) fn parse_http_date(text: &str) -> Option<SystemTime> {
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// How far AWS is ahead, if it wrote `date` (cut to the second) at some time between `sent` and `received`.
pub(super) fn offset_between(date: SystemTime, sent: SystemTime, received: SystemTime) -> ClockOffset {
    let least = signed_millis(date, received);
    let most = signed_millis(date, sent) + 1000;
    let seconds = if least <= 1000 && most >= -1000 { 0 } else { ((least + most) as f64 / 2000.0).round() as i64 };
    ClockOffset { seconds }
}

/// Milliseconds from `earlier` to `later`; negative if they are the other way round.
fn signed_millis(later: SystemTime, earlier: SystemTime) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4);
    match later.duration_since(earlier) {
        Ok(distance) => millis(distance),
        Err(error) => -millis(error.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_millis(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn the_date_header_is_read_in_the_form_of_http() {
        assert_eq!(parse_http_date("Sat, 21 Nov 2026 20:43:42 GMT"), Some(at_millis(1_795_293_822_000)));
        for text in ["", "yesterday", "2026-11-21T20:43:42Z", "Sat, 21 Nov 1926 20:43:42 GMT"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_offset_is_what_neither_rounding_nor_the_way_can_explain() {
        for (date, sent, received, seconds) in [
            (100_000, 100_400, 100_600, 0),
            (100_000, 100_900, 101_900, 0),
            (101_000, 100_100, 100_200, 0),
            (100_000, 90_000, 110_000, 0),
            (100_000, 10_000, 10_200, 90),
            (100_000, 190_000, 190_200, -90),
            (100_000, 10_000, 14_000, 89),
            (4_102_444_800_000, 0, 0, 4_102_444_801),
        ] {
            let measured = offset_between(at_millis(date), at_millis(sent), at_millis(received));
            assert!((measured.seconds - seconds).abs() <= i64::from(seconds != 0), "{date} {sent} {measured:?}");
        }
    }
}
