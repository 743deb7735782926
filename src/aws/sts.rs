//! The operations of STS that give credentials: what goes into each request (STS API Reference, version 2011-06-15).

use std::time::Duration;

use super::{AssumeRoleRequest, MfaProof, SessionPolicy, WebIdentityRequest, query::Query, transport::Repeat};

pub(super) fn get_session_token(duration: Duration, mfa: Option<&MfaProof>) -> Query<'_> {
    with_mfa(with_duration(Query::sts("GetSessionToken"), duration), mfa)
}

pub(super) fn assume_role(request: &AssumeRoleRequest) -> Query<'_> {
    let mut query = Query::sts("AssumeRole")
        .with("RoleArn", request.role_arn.to_string())
        .with("RoleSessionName", &request.role_session_name);
    query = with_duration(query, request.duration);
    query = query.with_some("ExternalId", request.external_id.as_deref());
    for (number, tag) in (1..).zip(&request.tags) {
        query = query
            .with(format!("Tags.member.{number}.Key"), &tag.key)
            .with(format!("Tags.member.{number}.Value"), &tag.value);
    }
    query = query
        .with_list("TransitiveTagKeys", "", request.transitive_tag_keys.iter().map(String::as_str))
        .with_some("SourceIdentity", request.source_identity.as_deref());
    with_mfa(with_policy(query, &request.session_policy), request.mfa.as_ref())
}

pub(super) fn assume_role_with_web_identity(request: &WebIdentityRequest) -> Query<'_> {
    let query = Query::sts("AssumeRoleWithWebIdentity")
        .with("RoleArn", request.role_arn.to_string())
        .with("RoleSessionName", &request.role_session_name);
    with_policy(with_duration(query, request.duration), &request.session_policy)
        .with("WebIdentityToken", request.token.expose())
}

pub(super) fn get_federation_token<'a>(
    name: &'a str,
    session_policy: &'a SessionPolicy,
    duration: Duration,
) -> Query<'a> {
    with_policy(with_duration(Query::sts("GetFederationToken").with("Name", name), duration), session_policy)
}

fn with_duration(query: Query<'_>, duration: Duration) -> Query<'_> {
    query.with("DurationSeconds", duration.as_secs().to_string())
}

fn with_policy<'a>(query: Query<'a>, policy: &'a SessionPolicy) -> Query<'a> {
    query.with_some("Policy", policy.document.as_deref()).with_list(
        "PolicyArns",
        ".arn",
        policy.arns.iter().map(String::as_str),
    )
}

fn with_mfa<'a>(query: Query<'a>, mfa: Option<&'a MfaProof>) -> Query<'a> {
    match mfa {
        Some(mfa) => query
            .with("SerialNumber", mfa.serial_number.as_str())
            .with("TokenCode", mfa.code.expose())
            .repeating(Repeat::SpendsCodes),
        None => query,
    }
}
