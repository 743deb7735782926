//! Only servers that are who they should be.

use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use super::*;

/// A TLS server on loopback with its own self-signed certificate, in PEM.
fn tls_server(name: &str, connections: usize) -> (Server, Vec<u8>) {
    tls_server_with(rcgen::CertificateParams::new([name.to_owned()]).expect("parameters"), connections)
}

fn tls_server_with(parameters: rcgen::CertificateParams, connections: usize) -> (Server, Vec<u8>) {
    let key_pair = rcgen::KeyPair::generate().expect("a key pair");
    let certificate = parameters.self_signed(&key_pair).expect("a certificate");
    let pem = certificate.pem().into_bytes();
    let key = PrivateKeyDer::try_from(key_pair.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (stream, _) = listener.accept().expect("a connection");
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream);
            let request = read_request(&mut stream);
            if !request.is_empty() {
                seen.lock().expect("no panic").push(request);
                let _ = stream.write_all(&reply(200, IDENTITY));
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (Server { address, requests, thread: Some(thread) }, pem)
}

/// Asks with these roots of trust, or those of the system.
fn ask_trusting(pem: Option<&[u8]>, url: &str) -> Result<CallerIdentity, AwsError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(pem.unwrap_or_default()).expect("written");
    let ca_bundle = pem.map(|_| file.path().to_owned());
    ask(&client(), &Endpoints { ca_bundle, ..endpoints_at(url) })
}

fn local(server: &Server) -> String {
    format!("https://localhost:{}", server.address.port())
}

#[test]
fn an_unknown_certificate_is_refused_before_anything_is_sent() {
    let (server, _) = tls_server("localhost", 2);
    let error = ask_trusting(None, &local(&server)).expect_err("refused");
    assert!(matches!(error, AwsError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn the_roots_of_a_ca_bundle_are_trusted_and_no_others() {
    let (server, pem) = tls_server("localhost", 1);
    ask_trusting(Some(&pem), &local(&server)).expect("an identity");
    let (server, _) = tls_server("localhost", 2);
    ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
    assert!(server.requests().is_empty());
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let (server, pem) = tls_server("sts.example.com", 2);
    let error = ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
    assert!(matches!(error, AwsError::Unreachable { .. }), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn an_expired_certificate_is_refused() {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let (server, pem) = tls_server_with(parameters, 2);
    let error = ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
    assert!(error.to_string().contains("expired"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_ca_bundle_without_certificates_is_an_error_of_the_settings() {
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        let error = ask_trusting(Some(pem.as_bytes()), "https://127.0.0.1:1").expect_err("refused");
        assert!(matches!(error, AwsError::InvalidSettings { .. }), "{error}");
        assert!(error.to_string().contains("AWS_CA_BUNDLE"), "{error}");
    }
}
