//! Proxies, and what goes past them.

use super::*;

fn through(proxy: &str, no_proxy: &str) -> HttpAws {
    let settings = ConnectionSettings { https_proxy: Some(proxy.into()), no_proxy: Some(no_proxy.to_owned()) };
    client_with(settings).0
}

#[test]
fn another_machine_is_asked_through_the_proxy() {
    let proxy = Server::saying(vec![b"HTTP/1.1 403 No\r\n\r\n".to_vec(); 3]);
    let aws = through(&format!("http://me:hunter2@{}", proxy.address), "");
    let error = ask(&aws, &endpoints_at("https://sts.example.invalid")).expect_err("refused");
    assert!(proxy.requests()[0].starts_with("CONNECT sts.example.invalid:443 HTTP/1.1\r\n"));
    assert!(header(&proxy.requests()[0], "proxy-authorization").is_some());
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn this_machine_is_asked_directly() {
    let proxy = Server::saying(vec![b"HTTP/1.1 403 No\r\n\r\n".to_vec(); 3]);
    let url = format!("http://{}", proxy.address);
    let server = Server::saying(vec![reply(200, IDENTITY)]);
    ask(&through(&url, ""), &server.endpoints()).expect("an identity");
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_that_is_none_is_an_error_of_the_settings() {
    for url in ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "http://", "://"] {
        let error = ask(&through(url, ""), &endpoints_at("https://sts.example.invalid")).expect_err("refused");
        assert!(matches!(error, AwsError::InvalidSettings { setting: "HTTPS_PROXY", .. }), "{url}: {error}");
    }
}
