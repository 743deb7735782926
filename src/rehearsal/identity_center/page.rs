//! The page on which a person approves a sign-in. To open it with the code is to approve: there is nobody else here,
//! and so a script with `curl` for a browser can be the person.

use super::Shared;
use crate::http_server::{HttpRequest, HttpResponse};

/// AWS has the rest behind a `#`, which no request sends.
pub(super) const PATH: &str = "/start/device";

pub(super) fn answer(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    if request.method != "GET" {
        return HttpResponse::empty(405);
    }
    let code = request.query_parameters().into_iter().find(|(name, _)| name == "user_code").map(|(_, value)| value);
    let now = shared.now();
    match code {
        None => html(200, "<form>Code: <input name=\"user_code\"> <button>Approve</button></form>"),
        Some(code) => {
            let center = &mut shared.world().identity_center;
            if center.answer_sign_in(&code, true, now) {
                html(200, &format!("<p>Approved for {}. You may close this page.</p>", center.settings.user_name))
            } else {
                html(404, "<p>No sign-in with this code waits for an answer.</p>")
            }
        }
    }
}

fn html(status: u16, inner: &str) -> HttpResponse {
    let body = format!("<!DOCTYPE html><title>Rehearsal</title><h1>Sign in</h1>{inner}\n");
    HttpResponse::new(status, "text/html; charset=utf-8", body)
}
