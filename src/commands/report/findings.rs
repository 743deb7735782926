//! What stands out in a credential report.

use std::time::{Duration, SystemTime};

use super::table::{Key, User};

/// What stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A user who can sign in or has an active key, or root, has no MFA.
    NoMfa,
    /// An active key is old.
    OldKeys,
    /// An active key was not used for long, or never.
    UnusedKeys,
    /// Root has an active access key.
    RootKeys,
}

impl Finding {
    /// All of them, the worst first.
    pub const ALL: [Finding; 4] = [Finding::RootKeys, Finding::NoMfa, Finding::OldKeys, Finding::UnusedKeys];

    /// As `--fail-on` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Finding::NoMfa => "no-mfa",
            Finding::OldKeys => "old-keys",
            Finding::UnusedKeys => "unused-keys",
            Finding::RootKeys => "root-keys",
        }
    }

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Finding::NoMfa => "no MFA",
            Finding::OldKeys => "old key",
            Finding::UnusedKeys => "unused key",
            Finding::RootKeys => "access key of root",
        }
    }
}

/// What stands out of a user, the worst first.
pub(super) fn of(user: &User, now: SystemTime, older_than: Duration) -> Vec<Finding> {
    let active = || user.keys.iter().filter(|key| key.active);
    let is_past = |time: Option<SystemTime>| time.is_some_and(|time| is_older(time, now, older_than));
    let can_act = user.is_root() || user.password.enabled == Some(true) || active().next().is_some();
    let holds = |finding: &Finding| match finding {
        Finding::NoMfa => can_act && !user.mfa_active,
        Finding::OldKeys => active().any(|key| is_past(key.last_rotated)),
        // One that was never used may be new.
        Finding::UnusedKeys => active().any(|key: &Key| is_past(key.last_used.or(key.last_rotated))),
        Finding::RootKeys => user.is_root() && active().next().is_some(),
    };
    Finding::ALL.into_iter().filter(holds).collect()
}

fn is_older(time: SystemTime, now: SystemTime, than: Duration) -> bool {
    now.duration_since(time).is_ok_and(|age| age >= than)
}

/// How many there are of each, in a line.
pub(super) fn summary(users: &[(User, Vec<Finding>)]) -> String {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let root = users.iter().filter(|(user, _)| user.is_root()).count();
    let found = Finding::ALL.into_iter().filter_map(|finding| {
        let count = users.iter().filter(|(_, findings)| findings.contains(&finding)).count();
        (count > 0).then(|| format!("{} {count}", finding.in_words()))
    });
    let found: Vec<String> = found.collect();
    let what = if found.is_empty() { "nothing stands out".to_owned() } else { found.join(", ") };
    format!("{}{}: {what}", counted(users.len() - root, "user"), if root > 0 { " and root" } else { "" })
}

/// What must not be found and was, with the users.
pub(super) fn failed(users: &[(User, Vec<Finding>)], fail_on: &[Finding]) -> Vec<(Finding, Vec<String>)> {
    let asked = Finding::ALL.into_iter().filter(|finding| fail_on.contains(finding));
    let with_users = asked.map(|finding| {
        let found = users.iter().filter(|(_, findings)| findings.contains(&finding));
        (finding, found.map(|(user, _)| user.name.clone()).collect::<Vec<_>>())
    });
    with_users.filter(|(_, names)| !names.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::report::Password;

    const DAY: Duration = Duration::from_secs(86_400);

    fn days_ago(days: u32) -> Option<SystemTime> {
        Some(now() - DAY * days)
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * 20_000
    }

    fn user(name: &str, password: Option<bool>, mfa_active: bool, keys: Vec<Key>) -> User {
        let password = Password { enabled: password, last_used: None, last_changed: None };
        User { name: name.to_owned(), arn: String::new(), created: None, password, mfa_active, keys }
    }

    fn key(active: bool, rotated: u32, used: Option<u32>) -> Key {
        Key { number: 1, active, last_rotated: days_ago(rotated), last_used: used.and_then(days_ago) }
    }

    #[test]
    fn a_finding_is_of_what_can_be_used_and_is_judged_by_its_age() {
        use Finding::{NoMfa, OldKeys, RootKeys, UnusedKeys};
        let root = "<root_account>";
        let cases: [(User, &[Finding]); 12] = [
            (user("idle", Some(false), false, vec![]), &[]),
            (user("password", Some(true), false, vec![]), &[NoMfa]),
            (user("password with MFA", Some(true), true, vec![]), &[]),
            (user("key", Some(false), false, vec![key(true, 1, Some(0))]), &[NoMfa]),
            (user("inactive key", Some(false), false, vec![key(false, 500, Some(400))]), &[]),
            (user("new key, never used", None, true, vec![key(true, 89, None)]), &[]),
            (user("old key, never used", None, true, vec![key(true, 90, None)]), &[OldKeys, UnusedKeys]),
            (user("old key in use", None, true, vec![key(true, 400, Some(3))]), &[OldKeys]),
            (user("second key", None, true, vec![key(false, 400, None), key(true, 95, Some(1))]), &[OldKeys]),
            (
                user(
                    "from the future",
                    None,
                    true,
                    vec![Key { last_rotated: Some(now() + DAY), ..key(true, 0, None) }],
                ),
                &[],
            ),
            (user(root, None, false, vec![]), &[NoMfa]),
            (user(root, None, true, vec![key(true, 400, Some(400))]), &[RootKeys, OldKeys, UnusedKeys]),
        ];
        for (user, expected) in cases {
            assert_eq!(of(&user, now(), DAY * 90), expected, "{}", user.name);
        }
    }

    #[test]
    fn users_are_counted_and_named() {
        let users = vec![
            (user("<root_account>", None, true, vec![]), vec![]),
            (user("alice", None, true, vec![]), vec![Finding::OldKeys]),
            (user("bob", None, true, vec![]), vec![Finding::NoMfa, Finding::OldKeys]),
        ];
        assert_eq!(summary(&users), "2 users and root: no MFA 1, old key 2");
        assert_eq!(summary(&users[..1]), "0 users and root: nothing stands out");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [(Finding::NoMfa, names(&["bob"])), (Finding::OldKeys, names(&["alice", "bob"]))];
        assert_eq!(failed(&users, &[Finding::OldKeys, Finding::RootKeys, Finding::NoMfa]), expected);
    }
}
