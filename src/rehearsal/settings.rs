//! What account is rehearsed: users, roles, policies, and how AWS behaves where that was seen to vary.

use std::{sync::Arc, time::Duration};

use crate::clock::Clock;

/// AWS's documented policy "Allows MFA-authenticated IAM users to manage their own credentials on the Security
/// credentials page" (IAM User Guide), less the statements about certificates, SSH keys and Git credentials, which
/// the stand-in does not have.
const FORCE_MFA: &str = include_str!("policies/force_mfa.json");

const READ_ONLY_IAM: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}}"#;

const READ_ONLY_IAM_AND_ASSUME_ROLE: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "sts:AssumeRole"], "Resource": "*"}}"#;

const ADMINISTRATOR: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

const TRUST_WITH_MFA: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:PARTITION:iam::ACCOUNT:root"},
     "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}}"#;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:PARTITION:iam::ACCOUNT:root"}}}"#;

/// The account, and what time it is there.
#[derive(Clone)]
pub struct Settings {
    /// The time of day, before any offset.
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// Such as `aws` or `aws-us-gov`.
    pub partition: String,
    /// Twelve digits.
    pub account_id: String,
    /// The users; each gets one access key.
    pub users: Vec<UserSettings>,
    /// The roles.
    pub roles: Vec<RoleSettings>,
    /// Whether the root user has an access key.
    pub root_access_key: bool,
    /// How long STS does not know a device that IAM has enabled already; AWS was seen to take 8 to 14 s.
    pub propagation_delay: Duration,
    /// Whether codes sent with EnableMFADevice and ResyncMFADevice are used up for STS too. AWS was seen to take them
    /// again; a client should not rely on it.
    pub enable_spends_codes_at_sts: bool,
    /// How long a credential report is being made.
    pub report_delay: Duration,
}

/// A user. In policies, `PARTITION` and `ACCOUNT` stand for those of the settings.
#[derive(Clone, Debug)]
pub struct UserSettings {
    /// Unique in the account.
    pub name: String,
    /// Identity-based policies, as JSON.
    pub policies: Vec<String>,
}

/// A role. In policies, `PARTITION` and `ACCOUNT` stand for those of the settings.
#[derive(Clone, Debug)]
pub struct RoleSettings {
    /// Unique in the account.
    pub name: String,
    /// Who may assume it, as JSON.
    pub trust_policy: String,
    /// Identity-based policies, as JSON.
    pub policies: Vec<String>,
    /// The longest session: 1 to 12 h.
    pub max_session_duration: Duration,
}

impl Settings {
    /// Account 111122223333 with `alice`, who must use MFA and may read IAM and assume roles; `admin`, who may do
    /// everything; the role `deploy`, which demands MFA and gives up to 4 h; the role `open`, which gives 1 h.
    pub fn new(clock: Arc<dyn Clock + Send + Sync>) -> Self {
        let role = |name: &str, trust_policy: &str, hours: u64| RoleSettings {
            name: name.to_owned(),
            trust_policy: trust_policy.to_owned(),
            policies: vec![READ_ONLY_IAM.to_owned()],
            max_session_duration: Duration::from_secs(hours * 3600),
        };
        Settings {
            clock,
            partition: "aws".to_owned(),
            account_id: "111122223333".to_owned(),
            users: vec![UserSettings::force_mfa("alice"), UserSettings::administrator("admin")],
            roles: vec![role("deploy", TRUST_WITH_MFA, 4), role("open", TRUST, 1)],
            root_access_key: false,
            propagation_delay: Duration::ZERO,
            enable_spends_codes_at_sts: false,
            report_delay: Duration::from_secs(1),
        }
    }
}

impl UserSettings {
    /// A user under the documented force-MFA policy who may read IAM and assume roles.
    pub fn force_mfa(name: &str) -> Self {
        let policies = vec![FORCE_MFA.to_owned(), READ_ONLY_IAM_AND_ASSUME_ROLE.to_owned()];
        UserSettings { name: name.to_owned(), policies }
    }

    /// A user who may do everything, with or without MFA.
    pub fn administrator(name: &str) -> Self {
        UserSettings { name: name.to_owned(), policies: vec![ADMINISTRATOR.to_owned()] }
    }
}
