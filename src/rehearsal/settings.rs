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
    {"Effect": "Allow", "Resource": "*",
     "Action": ["iam:Get*", "iam:List*", "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}}"#;

const ADMINISTRATOR: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

const TRUST_WITH_MFA: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Principal": {"AWS": "arn:PARTITION:iam::ACCOUNT:root"},
     "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
     "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}}"#;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Principal": {"AWS": "arn:PARTITION:iam::ACCOUNT:root"},
     "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}}"#;

const TRUST_WEB_IDENTITY: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
     "Principal": {"Federated": "arn:PARTITION:iam::ACCOUNT:oidc-provider/id.rehearsal.example"},
     "Condition": {"StringEquals": {"id.rehearsal.example:aud": "sts.amazonaws.com"}}}}"#;

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
    /// Policies that are not part of one user or role: what `PolicyArns` name.
    pub managed_policies: Vec<ManagedPolicySettings>,
    /// The tokens of identity providers that AssumeRoleWithWebIdentity takes.
    pub web_identities: Vec<WebIdentitySettings>,
    /// IAM Identity Center.
    pub identity_center: IdentityCenterSettings,
    /// Whether the root user has an access key.
    pub root_access_key: bool,
    /// How long STS does not know a device that IAM has enabled already, and both services an access key that IAM has
    /// made; AWS was seen to take 8 to 14 s.
    pub propagation_delay: Duration,
    /// How long ListAccessKeys does not show a new access key, and still shows one that was deleted.
    pub list_delay: Duration,
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

/// A managed policy. In ARN and document, `PARTITION` and `ACCOUNT` stand for those of the settings.
#[derive(Clone, Debug)]
pub struct ManagedPolicySettings {
    /// Such as `arn:PARTITION:iam::aws:policy/IAMReadOnlyAccess`.
    pub arn: String,
    /// As JSON.
    pub document: String,
}

/// A token of an identity provider, known by its text; what the provider says with it.
#[derive(Clone)]
pub struct WebIdentitySettings {
    /// What is sent as `WebIdentityToken`.
    pub token: String,
    /// Whom it is about: the condition key `provider:sub`.
    pub subject: String,
    /// The provider's name without `https://`: trust policies name `…:oidc-provider/` and this.
    pub provider: String,
    /// For whom it was made: the condition key `provider:aud`.
    pub audience: String,
    /// From the start on; none: for ever.
    pub valid_for: Option<Duration>,
}

/// IAM Identity Center: one directory with one person in it.
#[derive(Clone, Debug)]
pub struct IdentityCenterSettings {
    /// What `sso_start_url` says.
    pub start_url: String,
    /// Who approves a sign-in, and how the role sessions are called.
    pub user_name: String,
    /// What this person may choose from in the account.
    pub permission_sets: Vec<PermissionSetSettings>,
    /// How long to wait between two CreateToken, at least.
    pub polling_interval: Duration,
    /// How long a sign-in waits for its approval.
    pub approval_time: Duration,
    /// How long an access token is good for.
    pub access_token_lifetime: Duration,
    /// How long after the approval refresh tokens give new access tokens.
    pub session_duration: Duration,
    /// Whether each refresh gives a new refresh token and spends the old one.
    pub rotates_refresh_tokens: bool,
}

/// A permission set that is assigned: a role `AWSReservedSSO_…` of the account.
#[derive(Clone, Debug)]
pub struct PermissionSetSettings {
    /// What `sso_role_name` says.
    pub name: String,
    /// Identity-based policies, as JSON.
    pub policies: Vec<String>,
    /// How long its credentials last: 1 to 12 h.
    pub session_duration: Duration,
}

impl IdentityCenterSettings {
    /// What [`start_url`](IdentityCenterSettings::start_url) is by default.
    pub const START_URL: &str = "https://rehearsal.awsapps.com/start";

    /// `alice` with the permission set `Developer`, which may read IAM and assume roles, for 1 h; with AWS's times.
    fn new() -> Self {
        IdentityCenterSettings {
            start_url: IdentityCenterSettings::START_URL.to_owned(),
            user_name: "alice".to_owned(),
            permission_sets: vec![PermissionSetSettings {
                name: "Developer".to_owned(),
                policies: vec![READ_ONLY_IAM_AND_ASSUME_ROLE.to_owned()],
                session_duration: Duration::from_secs(3600),
            }],
            polling_interval: Duration::from_secs(1),
            approval_time: Duration::from_secs(600),
            access_token_lifetime: Duration::from_secs(3600),
            session_duration: Duration::from_secs(8 * 3600),
            rotates_refresh_tokens: false,
        }
    }
}

impl Settings {
    /// What [`WebIdentitySettings::token`] is by default.
    pub const WEB_IDENTITY_TOKEN: &str = "rehearsal.web-identity.token";

    /// Account 111122223333 with `alice`, who must use MFA and may read IAM and assume roles; `admin`, who may do
    /// everything; the role `deploy`, which demands MFA and gives up to 4 h; the role `open`, which gives 1 h; the role
    /// `web`, which is for the one web identity token; and IAM Identity Center with the permission set `Developer`.
    pub fn new(clock: Arc<dyn Clock + Send + Sync>) -> Self {
        let role = |name: &str, trust_policy: &str, hours: u64| RoleSettings {
            name: name.to_owned(),
            trust_policy: trust_policy.to_owned(),
            // From `deploy` a chain goes on.
            policies: vec![if name == "deploy" { READ_ONLY_IAM_AND_ASSUME_ROLE } else { READ_ONLY_IAM }.to_owned()],
            max_session_duration: Duration::from_secs(hours * 3600),
        };
        Settings {
            clock,
            partition: "aws".to_owned(),
            account_id: "111122223333".to_owned(),
            users: vec![UserSettings::force_mfa("alice"), UserSettings::administrator("admin")],
            roles: vec![role("deploy", TRUST_WITH_MFA, 4), role("open", TRUST, 1), role("web", TRUST_WEB_IDENTITY, 1)],
            managed_policies: [("AdministratorAccess", ADMINISTRATOR), ("IAMReadOnlyAccess", READ_ONLY_IAM)]
                .map(|(name, document)| ManagedPolicySettings {
                    arn: format!("arn:PARTITION:iam::aws:policy/{name}"),
                    document: document.to_owned(),
                })
                .to_vec(),
            web_identities: vec![WebIdentitySettings {
                token: Settings::WEB_IDENTITY_TOKEN.to_owned(),
                subject: "system:serviceaccount:rehearsal:web".to_owned(),
                provider: "id.rehearsal.example".to_owned(),
                audience: "sts.amazonaws.com".to_owned(),
                valid_for: None,
            }],
            identity_center: IdentityCenterSettings::new(),
            root_access_key: false,
            propagation_delay: Duration::ZERO,
            list_delay: Duration::ZERO,
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
