//! What is read out of answers, and what is refused.

use super::*;

#[test]
fn the_caller_is_read_and_the_request_is_a_signed_form() {
    let server = Server::saying(vec![reply(200, IDENTITY)]);
    let identity = identity_from(&server).expect("an identity");
    assert_eq!(identity.account_id, "123456789012");
    assert_eq!(identity.arn.resource_name(), "alice");
    let request = server.requests().remove(0);
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15"), "{request}");
    assert_eq!(header(&request, "host").expect("host"), server.address.to_string());
    assert_eq!(header(&request, "x-amz-date").expect("date"), "20261121T204342Z");
    assert!(header(&request, "user-agent").expect("agent").starts_with("mfavault/"));
    let authorization = header(&request, "authorization").expect("authorization");
    assert!(authorization.contains("Credential=AKIAIOSFODNN7EXAMPLE/20261121/eu-west-1/sts/aws4_request"));
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date, "), "{authorization}");
}

#[test]
fn a_session_signs_with_its_token() {
    let server = Server::saying(vec![reply(200, IDENTITY)]);
    let session = session();
    let caller = Caller { signer: Signer::Session(&session), endpoints: &server.endpoints() };
    client().get_caller_identity(caller).expect("an identity");
    let request = server.requests().remove(0);
    assert_eq!(header(&request, "x-amz-security-token").as_ref(), Some(session.session_token.expose()));
    assert!(header(&request, "authorization").expect("it").contains("x-amz-date;x-amz-security-token, "));
}

#[test]
fn a_created_device_has_its_seed_decoded_once() {
    let seed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(2);
    let blob = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &seed);
    let server = Server::saying(vec![reply(
        200,
        &format!(
            r#"<CreateVirtualMFADeviceResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateVirtualMFADeviceResult><VirtualMFADevice>
            <SerialNumber>arn:aws:iam::123456789012:mfa/alice</SerialNumber><Base32StringSeed>{blob}</Base32StringSeed>
            <QRCodePNG>iVBORw0KGgo=</QRCodePNG></VirtualMFADevice></CreateVirtualMFADeviceResult></CreateVirtualMFADeviceResponse>"#
        ),
    )]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    let device = client().create_virtual_mfa_device(caller, "al+ice").expect("a device");
    assert_eq!(device.seed.to_base32().expose(), &seed);
    assert_eq!(device.serial_number.device_name(), "alice");
    let request = server.requests().remove(0);
    let form = "Action=CreateVirtualMFADevice&Version=2010-05-08&Path=%2F&VirtualMFADeviceName=al%2Bice";
    assert!(request.ends_with(form), "{request}");
    assert!(request.contains("/us-east-1/iam/aws4_request"), "{request}");
}

#[test]
fn all_pages_of_devices_are_read() {
    let page = |name: &str, rest: &str| {
        reply(
            200,
            &format!(
                r#"<ListMFADevicesResponse><ListMFADevicesResult>{rest}<MFADevices><member><UserName>alice</UserName>
                <SerialNumber>arn:aws:iam::123456789012:mfa/{name}</SerialNumber><EnableDate>2026-11-21T20:43:42Z</EnableDate>
                </member></MFADevices></ListMFADevicesResult></ListMFADevicesResponse>"#
            ),
        )
    };
    let server = Server::saying(vec![
        page("one", "<IsTruncated>true</IsTruncated><Marker>a/b=</Marker>"),
        page("two", "<IsTruncated>false</IsTruncated>"),
    ]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    let devices = client().list_mfa_devices(caller, "alice").expect("devices");
    let names: Vec<&str> = devices.iter().map(|device| device.serial_number.device_name()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(server.requests()[1].ends_with("&UserName=alice&Marker=a%2Fb%3D"));
}

#[test]
fn a_list_without_end_is_given_up() {
    let page = reply(
        200,
        "<ListMFADevicesResponse><ListMFADevicesResult><IsTruncated>true</IsTruncated><Marker>x</Marker><MFADevices/></ListMFADevicesResult></ListMFADevicesResponse>",
    );
    let server = Server::saying(vec![page; 210]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    assert!(matches!(client().list_mfa_devices(caller, "alice"), Err(AwsError::UnusableAnswer { .. })));
    assert_eq!(server.requests().len(), 200);
}

#[test]
fn a_pair_of_codes_goes_out_in_order_and_an_empty_answer_is_enough() {
    let server = Server::saying(vec![reply(
        200,
        "<EnableMFADeviceResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></EnableMFADeviceResponse>",
    )]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    let (first, second) = ("111111".parse().expect("a code"), "222222".parse().expect("a code"));
    client().enable_mfa_device(caller, "alice", &proof().serial_number, [&first, &second]).expect("enabled");
    assert!(server.requests()[0].ends_with("&AuthenticationCode1=111111&AuthenticationCode2=222222"));
}

#[test]
fn session_credentials_are_taken_only_if_they_can_be_used() {
    let good = reply(200, &session_answer("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-22T08:43:42Z"));
    let session = session_with_code(&Server::saying(vec![good])).expect("a session");
    assert_eq!(Some(session.expiration), rfc3339::parse("2026-11-22T08:43:42Z"));
    for (id, secret, expiration) in [
        ("AKIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-22T08:43:42Z"),
        ("ASIA", "s3cr3t", "2026-11-22T08:43:42Z"),
        ("ASIAIOSFODNN7EXAMPLE", "", "2026-11-22T08:43:42Z"),
        ("ASIAIOSFODNN7EXAMPLE", "a b", "2026-11-22T08:43:42Z"),
        ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-21T20:43:42Z"),
        ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2020-01-01T00:00:00Z"),
        ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "9999-12-31T23:59:59Z"),
        ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "soon"),
        ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", ""),
    ] {
        let server = Server::saying(vec![reply(200, &session_answer(id, secret, expiration))]);
        let error = session_with_code(&server).expect_err(expiration);
        assert!(matches!(error, AwsError::UnusableAnswer { .. }), "{error}");
        assert!(!error.to_string().contains("FwoG"));
    }
}

#[test]
fn hostile_xml_is_refused() {
    let billion = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><GetCallerIdentityResponse>&b;</GetCallerIdentityResponse>"#;
    let deep = "<a>".repeat(200_000);
    let many = IDENTITY
        .replace("</GetCallerIdentityResponse>", &format!("{}</GetCallerIdentityResponse>", "<a/>".repeat(200_000)));
    for body in [
        billion,
        &deep,
        &many,
        "",
        "<html>Sign in to the hotel's network</html>",
        "<DeleteVirtualMFADeviceResponse/>",
        "<GetCallerIdentityResponse/>",
        &IDENTITY.replace("123456789012</Account>", "1</Account>"),
        &IDENTITY.replace("AIDACKCEVSQ6C2EXAMPLE", "\u{202e}AIDA"),
    ] {
        let error = identity_from(&Server::saying(vec![reply(200, body)])).expect_err("refused");
        assert!(matches!(error, AwsError::UnusableAnswer { .. }), "{error}");
    }
}
