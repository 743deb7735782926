//! Whether a caller may do something: the facts of a request, the policies that apply, AWS's words for a refusal.

use std::time::SystemTime;

use super::{
    answer::Call,
    error::ServiceError,
    policy::{self, Decision, Facts, Policy, Question},
    world::Identity,
};

const IDENTITY: &str = "identity-based";
/// The kind of policy that a session is narrowed with.
pub(super) const SESSION: &str = "session";

impl Call<'_> {
    /// # Errors
    /// If a policy denies the action, or none allows it, then `AccessDenied`.
    pub(super) fn authorise(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        let facts = self.facts(self.caller.mfa_since);
        match self.decide(Question { action, resource, facts: &facts }) {
            (Decision::Allow, _) => Ok(()),
            (decision, kind) => Err(self.refusal(action, resource, decision, kind)),
        }
    }

    /// The condition keys of the request, for a caller who proved MFA at that time.
    pub(super) fn facts(&self, mfa_since: Option<SystemTime>) -> Facts {
        let mut facts = Facts::new();
        let mut know = |key: &str, value: String| drop(facts.insert(key.to_owned(), value));
        know("aws:principalarn", self.principal_arn());
        know("aws:principalaccount", self.world.account_id.clone());
        if let Some(name) = self.caller.user_name() {
            know("aws:username", name.to_owned());
        }
        if let Some(source_identity) = &self.caller.carried.source_identity {
            know("aws:sourceidentity", source_identity.clone());
        }
        for (key, value) in &self.caller.carried.tags {
            know(&format!("aws:principaltag/{key}"), value.clone());
        }
        let is_role = matches!(self.caller.identity, Identity::AssumedRole { .. });
        match mfa_since {
            Some(since) => {
                let age = self.now.duration_since(since).unwrap_or_default().as_secs();
                know("aws:multifactorauthpresent", "true".to_owned());
                know("aws:multifactorauthage", age.to_string());
            }
            // Absent for long-term credentials; a role's carry nothing about MFA either.
            None if self.caller.is_session && !is_role => {
                know("aws:multifactorauthpresent", "false".to_owned());
            }
            None => {}
        }
        facts
    }

    /// Whom policies name: a role rather than its session.
    pub(super) fn principal_arn(&self) -> String {
        match &self.caller.identity {
            Identity::AssumedRole { role, .. } => self.world.role_arn(role),
            identity => self.world.arn_of(identity),
        }
    }

    /// What the caller's own policies say, and which kind of policy had the last word.
    pub(super) fn decide(&self, question: Question<'_>) -> (Decision, &'static str) {
        let none: &[Policy] = &[];
        let policies = match &self.caller.identity {
            Identity::Root => return (Decision::Allow, IDENTITY),
            Identity::User(name) => self.world.users.get(name).map_or(none, |user| &user.policies),
            Identity::AssumedRole { role, .. } => self.world.roles.get(role).map_or(none, |role| &role.policies),
            Identity::FederatedUser(_) => none,
        };
        match (policy::decide(policies, question), &self.caller.session_policies) {
            (Decision::Allow, Some(narrowed_to)) => (policy::decide(narrowed_to, question), SESSION),
            (decision, _) => (decision, IDENTITY),
        }
    }

    pub(super) fn refusal(&self, action: &str, resource: &str, decision: Decision, kind: &str) -> ServiceError {
        let article = if kind == IDENTITY { "an" } else { "a" };
        let why = match decision {
            Decision::ExplicitDeny => format!("with an explicit deny in {article} {kind} policy"),
            Decision::Allow | Decision::ImplicitDeny => {
                format!("because no {kind} policy allows the {action} action")
            }
        };
        ServiceError::access_denied(format!("{} {why}", self.not_authorized(action, resource)))
    }

    /// How every refusal begins, and those of trust policies end.
    pub(super) fn not_authorized(&self, action: &str, resource: &str) -> String {
        let caller = self.world.arn_of(&self.caller.identity);
        format!("User: {caller} is not authorized to perform: {action} on resource: {resource}")
    }
}
