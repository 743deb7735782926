//! The difference of clocks: measured, applied, reported.

use super::*;

#[test]
fn the_offset_is_measured_and_the_next_signature_applies_it() {
    let late = reply_with(200, Some(90), "", IDENTITY);
    let server = Server::saying(vec![late.clone(), late]);
    let aws = client();
    assert_eq!(aws.clock_offset(), None);
    ask(&aws, &server.endpoints()).expect("an identity");
    assert!((89..=91).contains(&aws.clock_offset().expect("measured").seconds));
    ask(&aws, &server.endpoints()).expect("an identity");
    let dates: Vec<_> = server.requests().iter().filter_map(|request| header(request, "x-amz-date")).collect();
    assert_eq!(dates[0], "20261121T204342Z");
    assert!(dates[1].as_str() > "20261121T204510Z" && dates[1].as_str() < "20261121T204514Z", "{dates:?}");
}

#[test]
fn a_second_is_no_offset() {
    for ahead in [-1, 0, 1] {
        let server = Server::saying(vec![reply_with(200, Some(ahead), "", IDENTITY)]);
        let aws = client();
        ask(&aws, &server.endpoints()).expect("an identity");
        assert_eq!(aws.clock_offset(), Some(ClockOffset { seconds: 0 }), "{ahead}");
    }
}

#[test]
fn clocks_that_are_too_far_apart_are_an_error_of_their_own() {
    for ahead in [600, -600] {
        let expired = sts_error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2 (3 - 15 min.)");
        for answer in [reply_with(403, Some(ahead), "", &expired), reply_with(200, Some(ahead), "", IDENTITY)] {
            let server = Server::saying(vec![answer; 2]);
            match identity_from(&server) {
                Err(AwsError::ClockSkew { offset }) => assert!((offset.seconds - ahead).abs() <= 1),
                other => panic!("{other:?}"),
            }
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[test]
fn what_a_code_has_paid_for_is_kept_whatever_the_clock() {
    let answer = session_answer("ASIAIOSFODNN7EXAMPLE", "s", "2026-11-22T08:43:42Z");
    let server = Server::saying(vec![reply_with(200, Some(600), "", &answer)]);
    session_with_code(&server).expect("a session");
}

#[test]
fn a_refused_time_is_signed_anew_once_even_with_a_code() {
    let expired = sts_error("SignatureDoesNotMatch", "Signature not yet current: 1 is still later than 2");
    let refused = reply_with(403, Some(-200), "", &expired);
    let good = session_answer("ASIAIOSFODNN7EXAMPLE", "s", "2026-11-22T08:43:42Z");
    let server = Server::saying(vec![refused.clone(), reply_with(200, Some(-200), "", &good)]);
    session_with_code(&server).expect("a session");
    let second = header(&server.requests()[1], "x-amz-date").expect("a date");
    assert!(second.starts_with("20261121T2040"), "{second}");

    let server = Server::saying(vec![refused; 4]);
    assert!(matches!(session_with_code(&server), Err(AwsError::ClockSkew { .. })));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_refused_time_without_a_measured_difference_is_reported_as_aws_says_it() {
    let expired = sts_error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2");
    for ahead in [None, Some(0)] {
        let server = Server::saying(vec![reply_with(403, ahead, "", &expired)]);
        assert!(matches!(identity_from(&server), Err(AwsError::InvalidCredentials { .. })));
    }
}
