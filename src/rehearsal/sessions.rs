//! STS: sessions as they are given out, what they are narrowed to, and what they carry on to the next role
//! (IAM User Guide, "Session policies", "Pass session tags in AWS STS").

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{
    answer::Reply,
    error::ServiceError,
    policy::{InvalidPolicy, Policy},
    random,
    request::{Parameters, check_length},
    world::{Identity, World},
    xml,
};
use crate::{rfc3339, secret::SecretText};

/// Of a session policy, and of it and the ARNs together.
const MAX_POLICY_CHARACTERS: usize = 2048;
const MAX_POLICY_ARNS: usize = 10;
const MAX_TAGS: usize = 50;

/// What STS gave out.
pub(super) struct Session {
    pub(super) secret: SecretText,
    pub(super) token: SecretText,
    pub(super) expiration: SystemTime,
    pub(super) identity: Identity,
    /// When the code was taken that the session was had with.
    pub(super) mfa_since: Option<SystemTime>,
    /// What the session is narrowed to: it may do what one of these allows as well.
    pub(super) policies: Option<Vec<Policy>>,
    /// Whether it is a role's that was assumed with another session.
    pub(super) is_chained: bool,
    pub(super) carried: Carried,
}

impl Session {
    /// A session that is neither narrowed nor chained, and carries nothing.
    ///
    /// # Errors
    /// If there are no random bytes, then `InternalFailure`.
    pub(super) fn new(identity: Identity, expiration: SystemTime) -> Result<Self, ServiceError> {
        let secret = SecretText::from(random::secret_access_key()?);
        let token = SecretText::from(random::session_token()?);
        let carried = Carried::default();
        Ok(Session { secret, token, expiration, identity, mfa_since: None, policies: None, is_chained: false, carried })
    }
}

impl World {
    /// Remembers a session under a new access key ID.
    ///
    /// # Errors
    /// If there are no random bytes, then `InternalFailure`.
    pub(super) fn add_session(&mut self, session: Session) -> Result<String, ServiceError> {
        let access_key_id = random::identifier("ASIA")?;
        self.sessions.insert(access_key_id.clone(), session);
        Ok(access_key_id)
    }

    /// Remembers a session and writes its credentials.
    ///
    /// # Errors
    /// If there are no random bytes, then `InternalFailure`.
    pub(super) fn give_out(&mut self, session: Session) -> Reply {
        let credentials = xml::text("SecretAccessKey", session.secret.expose())
            + &xml::text("SessionToken", session.token.expose())
            + &xml::text("Expiration", &rfc3339::format(session.expiration));
        let access_key_id = self.add_session(session)?;
        Ok(xml::element("Credentials", &(xml::text("AccessKeyId", &access_key_id) + &credentials)))
    }

    /// What the request narrows the session to: a document, managed policies, or both together.
    ///
    /// # Errors
    /// If the document is no session policy, then `MalformedPolicyDocument`; if there is too much of it, then
    /// `ValidationError` or `PackedPolicyTooLarge`; if a managed policy is not known, then `ValidationError`.
    pub(super) fn session_policies(&self, parameters: &Parameters) -> Result<Option<Vec<Policy>>, ServiceError> {
        let mut policies = Vec::new();
        let mut characters = 0;
        if let Some(document) = parameters.get("Policy") {
            check_length("Policy", document, 1, MAX_POLICY_CHARACTERS)?;
            characters += document.chars().count();
            policies.push(Policy::parse_without_principal(document).map_err(malformed)?);
        }
        let arns = parameters.members("PolicyArns", &["arn"]);
        if arns.len() > MAX_POLICY_ARNS {
            let rule = format!("Member must have length less than or equal to {MAX_POLICY_ARNS}");
            return Err(ServiceError::constraint("PolicyArns", None, &rule));
        }
        for arn in arns.into_iter().flatten() {
            characters += arn.chars().count();
            let unknown = || ServiceError::validation(format!("The policy {arn} does not exist or is not attachable."));
            policies.push(self.managed_policies.get(arn).cloned().ok_or_else(unknown)?);
        }
        if characters > MAX_POLICY_CHARACTERS {
            let text = "Serialized token too large for session";
            return Err(ServiceError::new(400, "PackedPolicyTooLarge", text));
        }
        Ok((!policies.is_empty()).then_some(policies))
    }
}

fn malformed(error: InvalidPolicy) -> ServiceError {
    let message = match &error {
        InvalidPolicy::Form(error) if !error.is_data() => "The policy is not in the valid JSON format.".to_owned(),
        InvalidPolicy::Form(_) => "Syntax errors in policy.".to_owned(),
        InvalidPolicy::Operator(_) | InvalidPolicy::Number(_) | InvalidPolicy::Part(_) => error.to_string(),
    };
    ServiceError::new(400, "MalformedPolicyDocument", message)
}

/// Session tags and the source identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// By key in lower case: AWS does not tell keys apart by case.
    pub(super) tags: BTreeMap<String, String>,
    /// Which of the tags go on to the next role.
    transitive: BTreeSet<String>,
    pub(super) source_identity: Option<String>,
}

impl Carried {
    /// What the session carries that a request makes with this one.
    ///
    /// # Errors
    /// If a tag or the source identity is not well formed, then `ValidationError`; if tags do not fit together or to
    /// those carried so far, then `InvalidParameterValue`.
    pub(super) fn next(&self, parameters: &Parameters) -> Result<Self, ServiceError> {
        let invalid = |message: &str| ServiceError::new(400, "InvalidParameterValue", message);
        let mut next = Carried {
            tags: requested_tags(parameters)?,
            transitive: BTreeSet::new(),
            source_identity: parameters.text("SourceIdentity", [2, 64], "+=,.@-")?.map(str::to_owned),
        };
        if self.transitive.iter().any(|key| next.tags.contains_key(key)) {
            return Err(invalid(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
        for key in parameters.members("TransitiveTagKeys", &[""]).into_iter().flatten() {
            let key = key.to_lowercase();
            if !next.tags.contains_key(&key) {
                return Err(invalid("The specified transitive tag key must be included in the requested tags."));
            }
            next.transitive.insert(key);
        }
        let inherited = self.tags.iter().filter(|(key, _)| self.transitive.contains(*key));
        next.tags.extend(inherited.map(|(key, value)| (key.clone(), value.clone())));
        next.transitive.extend(self.transitive.iter().cloned());
        Ok(next)
    }
}

/// The tags of a request, by key in lower case.
///
/// # Errors
/// If there are too many, or one is not well formed, then `ValidationError`; if two keys are the same, then
/// `InvalidParameterValue`.
pub(super) fn requested_tags(parameters: &Parameters) -> Result<BTreeMap<String, String>, ServiceError> {
    let members = parameters.members("Tags", &["Key", "Value"]);
    if members.len() > MAX_TAGS {
        let rule = format!("Member must have length less than or equal to {MAX_TAGS}");
        return Err(ServiceError::constraint("Tags", None, &rule));
    }
    let mut tags = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        let (key, value) = (member[0], member[1]);
        let name = |field: &str| format!("tags.{}.member.{field}", index + 1);
        check_length(&name("key"), key, 1, 128)?;
        check_length(&name("value"), value, 0, 256)?;
        let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if let Some((field, text)) =
            [("key", key), ("value", value)].into_iter().find(|(_, text)| !text.chars().all(allowed))
        {
            let rule = r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+";
            return Err(ServiceError::constraint(&name(field), Some(text), rule));
        }
        if key.to_lowercase().starts_with("aws:") {
            let text = "Tag keys that start with aws: are reserved.";
            return Err(ServiceError::new(400, "InvalidParameterValue", text));
        }
        if tags.insert(key.to_lowercase(), value.to_owned()).is_some() {
            let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ServiceError::new(400, "InvalidParameterValue", text));
        }
    }
    Ok(tags)
}
