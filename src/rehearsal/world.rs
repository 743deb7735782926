//! The nouns of the rehearsed account: users, access keys, devices, roles; and what each is called.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use super::{
    RehearsalError, RoleSettings, Settings,
    codes::DeviceCodes,
    error::ServiceError,
    identity_center::{self, IdentityCenter},
    policy::Policy,
    random,
    report::Report,
    sessions::{Carried, Session},
    signin::SigninTokens,
    web_identity::WebIdentity,
};
use crate::{
    credentials::{AccessKeyId, LongTermCredentials},
    rfc3339,
    secret::SecretText,
};

/// The account.
pub(super) struct World {
    pub(super) partition: String,
    pub(super) account_id: String,
    pub(super) created: SystemTime,
    pub(super) users: BTreeMap<String, User>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) keys: Vec<AccessKey>,
    /// Those that were deleted, and when.
    pub(super) deleted_keys: Vec<(AccessKey, SystemTime)>,
    /// By serial number.
    pub(super) devices: BTreeMap<String, Device>,
    /// By access key ID.
    pub(super) sessions: BTreeMap<String, Session>,
    /// By ARN.
    pub(super) managed_policies: BTreeMap<String, Policy>,
    pub(super) web_identities: Vec<WebIdentity>,
    pub(super) identity_center: IdentityCenter,
    pub(super) signin_tokens: SigninTokens,
    pub(super) report: Option<Report>,
    pub(super) rules: Rules,
}

/// What of AWS's behaviour is set.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) propagation_delay: Duration,
    pub(super) list_delay: Duration,
    pub(super) enable_spends_codes_at_sts: bool,
    pub(super) report_delay: Duration,
}

pub(super) struct User {
    pub(super) name: String,
    /// `AIDA…`.
    pub(super) id: String,
    pub(super) policies: Vec<Policy>,
}

pub(super) struct Role {
    /// `AROA…`.
    pub(super) id: String,
    /// `/`, or `/…/`.
    pub(super) path: &'static str,
    pub(super) trust: Policy,
    pub(super) policies: Vec<Policy>,
    pub(super) max_session_duration: Duration,
}

pub(super) struct AccessKey {
    pub(super) id: AccessKeyId,
    pub(super) secret: SecretText,
    /// A user, or root.
    pub(super) owner: Identity,
    pub(super) active: bool,
    pub(super) created: SystemTime,
    /// When services begin to take it.
    pub(super) known_from: SystemTime,
    /// When lists begin to show it.
    pub(super) listed_from: SystemTime,
    pub(super) last_used: Option<LastUse>,
}

#[derive(Clone)]
pub(super) struct LastUse {
    pub(super) at: SystemTime,
    pub(super) region: String,
    pub(super) service: &'static str,
}

pub(super) struct Device {
    pub(super) codes: DeviceCodes,
    /// Whose it is since when; none while it is not assigned.
    pub(super) enabled: Option<(String, SystemTime)>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Root,
    User(String),
    AssumedRole { role: String, session_name: String },
    FederatedUser(String),
}

/// As the log names them.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Root => f.write_str("root"),
            Identity::User(name) | Identity::FederatedUser(name) => f.write_str(name),
            Identity::AssumedRole { role, session_name } => write!(f, "{role}/{session_name}"),
        }
    }
}

/// Who signed a request, with what.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// Whether with session credentials.
    pub(super) is_session: bool,
    pub(super) mfa_since: Option<SystemTime>,
    /// What the session is narrowed to.
    pub(super) session_policies: Option<Vec<Policy>>,
    pub(super) carried: Carried,
}

impl Caller {
    /// The user's name, where a user signed, with whichever kind of credentials.
    pub(super) fn user_name(&self) -> Option<&str> {
        match &self.identity {
            Identity::User(name) => Some(name),
            _ => None,
        }
    }
}

impl World {
    /// Makes the account that the settings describe, with new access keys.
    ///
    /// # Errors
    /// If there are no random bytes, then `Random`; if a policy cannot be used, then `Policy`.
    pub(super) fn new(settings: &Settings, now: SystemTime) -> Result<Self, RehearsalError> {
        let mut world = World {
            partition: settings.partition.clone(),
            account_id: settings.account_id.clone(),
            created: now,
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            keys: Vec::new(),
            deleted_keys: Vec::new(),
            devices: BTreeMap::new(),
            sessions: BTreeMap::new(),
            managed_policies: BTreeMap::new(),
            web_identities: settings.web_identities.iter().map(|identity| WebIdentity::new(identity, now)).collect(),
            identity_center: IdentityCenter::new(&settings.identity_center),
            signin_tokens: SigninTokens::default(),
            report: None,
            rules: Rules {
                propagation_delay: settings.propagation_delay,
                list_delay: settings.list_delay,
                enable_spends_codes_at_sts: settings.enable_spends_codes_at_sts,
                report_delay: settings.report_delay,
            },
        };
        for user in &settings.users {
            let policies = world.read_policies(&user.name, &user.policies)?;
            let id = random::identifier("AIDA").map_err(|_| RehearsalError::Random)?;
            world.users.insert(user.name.clone(), User { name: user.name.clone(), id, policies });
            world.add_key(Identity::User(user.name.clone()), now).map_err(|_| RehearsalError::Random)?;
        }
        for role in &settings.roles {
            world.add_role(role, "/")?;
        }
        for set in &settings.identity_center.permission_sets {
            let role = identity_center::role_of(set).map_err(|_| RehearsalError::Random)?;
            world.add_role(&role, identity_center::ROLE_PATH)?;
            world.identity_center.assign(set, role.name);
        }
        for managed in &settings.managed_policies {
            let arn = managed.arn.replace("PARTITION", &world.partition).replace("ACCOUNT", &world.account_id);
            let policy = world.read_policy(&arn, &managed.document)?;
            world.managed_policies.insert(arn, policy);
        }
        if settings.root_access_key {
            world.add_key(Identity::Root, now).map_err(|_| RehearsalError::Random)?;
        }
        Ok(world)
    }

    fn add_role(&mut self, role: &RoleSettings, path: &'static str) -> Result<(), RehearsalError> {
        let policies = self.read_policies(&role.name, &role.policies)?;
        let trust = self.read_policy(&role.name, &role.trust_policy)?;
        let id = random::identifier("AROA").map_err(|_| RehearsalError::Random)?;
        let max_session_duration = role.max_session_duration;
        self.roles.insert(role.name.clone(), Role { id, path, trust, policies, max_session_duration });
        Ok(())
    }

    fn read_policy(&self, owner: &str, text: &str) -> Result<Policy, RehearsalError> {
        let text = text.replace("PARTITION", &self.partition).replace("ACCOUNT", &self.account_id);
        Policy::parse(&text).map_err(|source| RehearsalError::Policy { owner: owner.to_owned(), source })
    }

    fn read_policies(&self, owner: &str, texts: &[String]) -> Result<Vec<Policy>, RehearsalError> {
        texts.iter().map(|text| self.read_policy(owner, text)).collect()
    }

    /// Makes an access key, which services take at once.
    ///
    /// # Errors
    /// If there are no random bytes, then `InternalFailure`.
    pub(super) fn add_key(&mut self, owner: Identity, now: SystemTime) -> Result<&mut AccessKey, ServiceError> {
        let id = random::identifier("AKIA")?.parse().map_err(|_| ServiceError::internal_failure())?;
        let secret = SecretText::from(random::secret_access_key()?);
        // Also where the clock is set back.
        let (known_from, listed_from) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        let key = AccessKey { id, secret, owner, active: true, created: now, known_from, listed_from, last_used: None };
        self.keys.push(key);
        self.keys.last_mut().ok_or_else(ServiceError::internal_failure)
    }

    pub(super) fn first_credentials(&self, user_name: &str) -> Option<LongTermCredentials> {
        let owner = match user_name {
            "root" => Identity::Root,
            name => Identity::User(name.to_owned()),
        };
        let key = self.keys_of(&owner).next()?;
        Some(LongTermCredentials { access_key_id: key.id.clone(), secret_access_key: key.secret.clone() })
    }

    pub(super) fn keys_of(&self, owner: &Identity) -> impl Iterator<Item = &AccessKey> {
        self.keys.iter().filter(move |key| key.owner == *owner)
    }

    /// The devices of a user: serial number and since when.
    pub(super) fn devices_of(&self, user_name: &str) -> Vec<(&str, SystemTime)> {
        let owned = self.devices.iter().filter_map(|(serial_number, device)| {
            let (owner, since) = device.enabled.as_ref()?;
            (owner == user_name).then_some((serial_number.as_str(), *since))
        });
        owned.collect()
    }

    /// `arn:aws:iam::111122223333:` and a resource.
    pub(super) fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account_id)
    }

    pub(super) fn user_arn(&self, name: &str) -> String {
        self.iam_arn(&format!("user/{name}"))
    }

    pub(super) fn role_arn(&self, name: &str) -> String {
        let path = self.roles.get(name).map_or("/", |role| role.path);
        self.iam_arn(&format!("role{path}{name}"))
    }

    /// The role of an ARN, and its name.
    pub(super) fn role_of(&self, arn: &str) -> Option<(&str, &Role)> {
        let (name, role) = self.roles.iter().find(|(name, _)| self.role_arn(name) == arn)?;
        Some((name, role))
    }

    /// The ARN by which GetCallerIdentity and refusals call somebody.
    pub(super) fn arn_of(&self, identity: &Identity) -> String {
        let sts = |resource: String| format!("arn:{}:sts::{}:{resource}", self.partition, self.account_id);
        match identity {
            Identity::Root => self.iam_arn("root"),
            Identity::User(name) => self.user_arn(name),
            Identity::AssumedRole { role, session_name } => sts(format!("assumed-role/{role}/{session_name}")),
            Identity::FederatedUser(name) => sts(format!("federated-user/{name}")),
        }
    }

    /// The unique ID, such as `AIDA…`, or `AROA…:session`.
    pub(super) fn id_of(&self, identity: &Identity) -> String {
        match identity {
            Identity::Root => self.account_id.clone(),
            Identity::User(name) => self.users.get(name).map(|user| user.id.clone()).unwrap_or_default(),
            Identity::AssumedRole { role, session_name } => {
                let id = self.roles.get(role).map(|role| role.id.as_str()).unwrap_or_default();
                format!("{id}:{session_name}")
            }
            Identity::FederatedUser(name) => format!("{}:{name}", self.account_id),
        }
    }

    /// Users, access keys and devices, without any secret.
    pub(super) fn state(&self) -> serde_json::Value {
        let users = self.users.values().map(|user| {
            let owner = Identity::User(user.name.clone());
            let keys = self.keys_of(&owner);
            let keys: Vec<_> =
                keys.map(|key| serde_json::json!({ "access_key_id": key.id, "active": key.active })).collect();
            serde_json::json!({ "name": user.name, "arn": self.user_arn(&user.name), "access_keys": keys })
        });
        let devices = self.devices.iter().map(|(serial_number, device)| {
            let (user, since) = match &device.enabled {
                Some((user, since)) => (Some(user), Some(rfc3339::format(*since))),
                None => (None, None),
            };
            serde_json::json!({ "serial_number": serial_number, "user": user, "enabled_since": since })
        });
        serde_json::json!({
            "account_id": self.account_id,
            "users": users.collect::<Vec<_>>(),
            "roles": self.roles.keys().map(|name| self.role_arn(name)).collect::<Vec<_>>(),
            "devices": devices.collect::<Vec<_>>(),
            "sign_ins": self.identity_center.sign_ins(),
        })
    }
}
