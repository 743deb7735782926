//! A small policy evaluator (IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition
//! operators"): what policies about IAM, STS and MFA use. What it does not understand it refuses when it is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

/// Why a text is not a policy that can be evaluated here.
#[derive(Debug, Error)]
pub enum InvalidPolicy {
    /// Not JSON, or not the JSON of a policy.
    #[error("not a policy: {0}")]
    Form(#[from] serde_json::Error),
    /// A condition operator that is not understood.
    #[error("the condition operator `{0}` is not understood")]
    Operator(String),
    /// A condition value that its operator cannot compare.
    #[error("`{0}` is not a number")]
    Number(String),
    /// A policy for a session or an identity with a part that only others have, or without one that it must have.
    #[error("{0}")]
    Part(&'static str),
}

/// What is known about a request: condition keys in lower case, such as `aws:multifactorauthage`.
pub(super) type Facts = BTreeMap<String, String>;

/// What a policy is asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// Such as `iam:ListUsers`.
    pub(super) action: &'a str,
    /// An ARN, or `*` for actions without one.
    pub(super) resource: &'a str,
    /// The condition keys.
    pub(super) facts: &'a Facts,
}

/// What all policies together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// What a role's trust policy says about a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The caller is named.
    Caller,
    /// The caller's account is named: its own policies decide.
    Account,
    Nobody,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    #[serde(rename = "Statement")]
    statements: OneOrMany<Statement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    principal: Option<Principal>,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Principal {
    Anyone(String),
    Kinds(BTreeMap<String, OneOrMany<String>>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one).iter(),
            OneOrMany::Many(many) => many.iter(),
        }
    }
}

/// Policies may write `true` for `"true"` and 3600 for `"3600"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(i64),
    Text(String),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

impl Policy {
    /// Reads a policy document.
    ///
    /// # Errors
    /// If it is not one, then `Form`; if a condition is not understood, then `Operator` or `Number`.
    pub(super) fn parse(json: &str) -> Result<Self, InvalidPolicy> {
        let policy: Policy = serde_json::from_str(json)?;
        for statement in policy.statements.iter() {
            for (operator, keys) in &statement.condition {
                let (comparison, _) = Comparison::read(operator)?;
                let values = keys.values().flat_map(OneOrMany::iter).map(Scalar::text);
                if let Some(value) = values.into_iter().find(|value| comparison.is_numeric() && number(value).is_none())
                {
                    return Err(InvalidPolicy::Number(value));
                }
            }
        }
        Ok(policy)
    }

    /// Reads a policy that is no trust policy: statements with actions and resources, and without a principal.
    ///
    /// # Errors
    /// As [`parse`](Policy::parse); if a statement has a part too many or too few, then `Part`.
    pub(super) fn parse_without_principal(json: &str) -> Result<Self, InvalidPolicy> {
        let policy = Policy::parse(json)?;
        for statement in policy.statements.iter() {
            if statement.principal.is_some() {
                return Err(InvalidPolicy::Part("Policy document should not specify a principal."));
            }
            if statement.action.is_some() == statement.not_action.is_some() {
                return Err(InvalidPolicy::Part("Policy statement must contain actions."));
            }
            if statement.resource.is_some() == statement.not_resource.is_some() {
                return Err(InvalidPolicy::Part("Policy statement must contain resources."));
            }
        }
        Ok(policy)
    }
}

/// What identity-based policies decide: one Deny beats every Allow.
pub(super) fn decide<'a>(policies: impl IntoIterator<Item = &'a Policy>, question: Question<'_>) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for statement in policies.into_iter().flat_map(|policy| policy.statements.iter()) {
        match statement.effect {
            _ if !statement.applies(question) => {}
            Effect::Deny => return Decision::ExplicitDeny,
            Effect::Allow => decision = Decision::Allow,
        }
    }
    decision
}

/// Whether a role's trust policy lets a caller in, who has one or more ARNs; `account` is the ARN of the caller's
/// account root.
pub(super) fn trust(policy: &Policy, callers: &[String], account: &str, question: Question<'_>) -> Trust {
    let mut trust = Trust::Nobody;
    for statement in policy.statements.iter().filter(|statement| statement.applies(question)) {
        let caller_is_named = callers.iter().any(|caller| statement.names("AWS", caller));
        match (statement.effect, caller_is_named, statement.names("AWS", account)) {
            (_, false, false) => {}
            (Effect::Deny, _, _) => return Trust::Nobody,
            (Effect::Allow, true, _) => trust = Trust::Caller,
            (Effect::Allow, false, true) if trust == Trust::Nobody => trust = Trust::Account,
            (Effect::Allow, false, true) => {}
        }
    }
    trust
}

/// Whether a role's trust policy lets in whoever an identity provider vouches for.
pub(super) fn trusts_provider(policy: &Policy, provider_arn: &str, question: Question<'_>) -> bool {
    let fit = |statement: &&Statement| statement.applies(question) && statement.names("Federated", provider_arn);
    let effects: Vec<Effect> = policy.statements.iter().filter(fit).map(|statement| statement.effect).collect();
    effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
}

impl Statement {
    fn applies(&self, question: Question<'_>) -> bool {
        let action = |pattern: &String| {
            matches(&pattern.to_ascii_lowercase(), &question.action.to_ascii_lowercase()) || pattern == "*"
        };
        let resource = |pattern: &String| {
            substitute(pattern, question.facts).is_some_and(|pattern| matches(&pattern, question.resource))
        };
        let actions = self.action.as_ref().is_none_or(|patterns| patterns.iter().any(action))
            && self.not_action.as_ref().is_none_or(|patterns| !patterns.iter().any(action));
        // A trust policy has no resource: it is the role's.
        let resources = self.resource.as_ref().is_none_or(|patterns| patterns.iter().any(resource))
            && self.not_resource.as_ref().is_none_or(|patterns| !patterns.iter().any(resource));
        actions && resources && self.conditions_hold(question.facts)
    }

    fn conditions_hold(&self, facts: &Facts) -> bool {
        self.condition.iter().all(|(operator, keys)| {
            let Ok((comparison, if_exists)) = Comparison::read(operator) else { return false };
            keys.iter().all(|(key, values)| {
                let fact = facts.get(key.to_ascii_lowercase().as_str()).map(String::as_str);
                let values: Vec<String> = values.iter().filter_map(|value| substitute(&value.text(), facts)).collect();
                comparison.holds(fact, &values, if_exists)
            })
        })
    }

    fn names(&self, kind: &str, arn: &str) -> bool {
        match &self.principal {
            None => false,
            Some(Principal::Anyone(anyone)) => anyone == "*",
            Some(Principal::Kinds(kinds)) => {
                // An account may be named by its twelve digits alone.
                let account = arn.split(':').nth(4).filter(|_| arn.ends_with(":root"));
                kinds.get(kind).is_some_and(|names| {
                    names.iter().any(|name| name == arn || name == "*" || Some(name.as_str()) == account)
                })
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Bool,
    Null,
    Equals,
    NotEquals,
    Like,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Comparison {
    /// The comparison, and whether the operator ends in `IfExists`.
    fn read(operator: &str) -> Result<(Comparison, bool), InvalidPolicy> {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let comparison = match name {
            "Bool" => Comparison::Bool,
            "Null" if !if_exists => Comparison::Null,
            "StringEquals" | "ArnEquals" => Comparison::Equals,
            "StringNotEquals" => Comparison::NotEquals,
            "StringLike" | "ArnLike" => Comparison::Like,
            "NumericLessThan" => Comparison::LessThan,
            "NumericLessThanEquals" => Comparison::LessThanEquals,
            "NumericGreaterThan" => Comparison::GreaterThan,
            "NumericGreaterThanEquals" => Comparison::GreaterThanEquals,
            _ => return Err(InvalidPolicy::Operator(operator.to_owned())),
        };
        Ok((comparison, if_exists))
    }

    fn is_numeric(self) -> bool {
        use Comparison::{GreaterThan, GreaterThanEquals, LessThan, LessThanEquals};
        matches!(self, LessThan | LessThanEquals | GreaterThan | GreaterThanEquals)
    }

    fn holds(self, fact: Option<&str>, values: &[String], if_exists: bool) -> bool {
        if self == Comparison::Null {
            return values.iter().any(|value| value.eq_ignore_ascii_case("true") == fact.is_none());
        }
        let Some(fact) = fact else {
            // "If the key is not present, the condition does not match", save for negated operators and IfExists.
            return if_exists || self == Comparison::NotEquals;
        };
        let numeric = |compare: fn(&i64, &i64) -> bool| {
            let value = |value: &String| number(fact).zip(number(value)).is_some_and(|(f, v)| compare(&f, &v));
            values.iter().any(value)
        };
        match self {
            Comparison::Bool => values.iter().any(|value| value.eq_ignore_ascii_case(fact)),
            Comparison::Equals => values.iter().any(|value| value == fact),
            Comparison::NotEquals => values.iter().all(|value| value != fact),
            Comparison::Like => values.iter().any(|value| matches(value, fact)),
            Comparison::LessThan => numeric(i64::lt),
            Comparison::LessThanEquals => numeric(i64::le),
            Comparison::GreaterThan => numeric(i64::gt),
            Comparison::GreaterThanEquals => numeric(i64::ge),
            Comparison::Null => false,
        }
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Puts the facts in place of `${aws:username}`; nothing if one is not known: such a text matches nothing.
fn substitute(pattern: &str, facts: &Facts) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(facts.get(name.to_ascii_lowercase().as_str())?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// Whether a text fits a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and what it has swallowed up to: only the last star ever needs to swallow more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, swallowed)) => {
                    star = Some((at, swallowed + 1));
                    p = at + 1;
                    t = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statement: &str) -> Policy {
        Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#)).expect("a policy")
    }

    fn ask(statements: &[&str], action: &str, resource: &str, facts: &[(&'static str, &str)]) -> Decision {
        let policies: Vec<Policy> = statements.iter().map(|statement| policy(statement)).collect();
        let facts = facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        decide(&policies, Question { action, resource, facts: &facts })
    }

    const ALL: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
    const MFA: &str = "aws:multifactorauthpresent";
    const AGE: &str = "aws:multifactorauthage";

    #[test]
    fn a_deny_beats_an_allow_and_silence_denies() {
        let deny = r#"[{"Effect": "Deny", "Action": ["iam:Delete*"], "Resource": "*"}]"#;
        assert_eq!(ask(&[deny, ALL], "iam:DeleteUser", "*", &[]), Decision::ExplicitDeny);
        assert_eq!(ask(&[ALL, deny], "iam:GetUser", "*", &[]), Decision::Allow);
        assert_eq!(ask(&[deny], "iam:GetUser", "*", &[]), Decision::ImplicitDeny);
    }

    #[test]
    fn patterns_are_wild_and_actions_have_no_case() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("iam:get*", "iam:getuser", true),
            ("iam:get*", "iam:listusers", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b", "abbb", true),
            ("*ab", "aab", true),
            ("a*b*c", "axxbyyb", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
        let get = r#"{"Effect": "Allow", "Action": "IAM:get*", "Resource": "*"}"#;
        assert_eq!(ask(&[get], "iam:GetUser", "*", &[]), Decision::Allow);
    }

    #[test]
    fn a_policy_variable_stands_for_the_caller_and_matches_nothing_without_one() {
        let own = r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::*:user/${aws:username}"}"#;
        let facts = [("aws:username", "alice")];
        assert_eq!(ask(&[own], "iam:GetUser", "arn:aws:iam::1:user/alice", &facts), Decision::Allow);
        assert_eq!(ask(&[own], "iam:GetUser", "arn:aws:iam::1:user/bob", &facts), Decision::ImplicitDeny);
        assert_eq!(ask(&[own], "iam:GetUser", "arn:aws:iam::1:user/", &[]), Decision::ImplicitDeny);
    }

    #[test]
    fn not_action_and_not_resource_turn_the_match_around() {
        let but = r#"{"Effect": "Deny", "NotAction": "iam:GetUser", "NotResource": "arn:a"}"#;
        assert_eq!(ask(&[but, ALL], "iam:GetUser", "arn:b", &[]), Decision::Allow);
        assert_eq!(ask(&[but, ALL], "iam:ListUsers", "arn:a", &[]), Decision::Allow);
        assert_eq!(ask(&[but, ALL], "iam:ListUsers", "arn:b", &[]), Decision::ExplicitDeny);
    }

    #[test]
    fn conditions_treat_an_absent_key_as_their_operator_says() {
        for (condition, absent, no, yes) in [
            (r#"{"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#, false, false, true),
            (r#"{"Bool": {"aws:MultiFactorAuthPresent": false}}"#, false, true, false),
            (r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#, true, true, false),
            (r#"{"Null": {"aws:MultiFactorAuthPresent": "true"}}"#, true, false, false),
            (r#"{"Null": {"aws:multifactorauthpresent": "false"}}"#, false, true, true),
            (r#"{"StringNotEquals": {"aws:MultiFactorAuthPresent": "true"}}"#, true, true, false),
        ] {
            let statement =
                format!(r#"{{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}}}"#);
            let allowed = |facts: &[(&'static str, &str)]| ask(&[&statement], "a:B", "*", facts) == Decision::Allow;
            assert_eq!(
                [allowed(&[]), allowed(&[(MFA, "false")]), allowed(&[(MFA, "true")])],
                [absent, no, yes],
                "{condition}"
            );
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let fresh = r#"{"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}}"#;
        assert_eq!(ask(&[fresh], "a:B", "*", &[(AGE, "999")]), Decision::Allow);
        assert_eq!(ask(&[fresh], "a:B", "*", &[(AGE, "3600")]), Decision::ImplicitDeny);
        assert_eq!(ask(&[fresh], "a:B", "*", &[]), Decision::ImplicitDeny);
        let if_exists = fresh.replace("NumericLessThan", "NumericLessThanIfExists");
        assert_eq!(ask(&[&if_exists], "a:B", "*", &[]), Decision::Allow);
    }

    #[test]
    fn all_conditions_of_a_statement_must_hold() {
        let both = r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {
            "Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"sts:ExternalId": ["a", "b"]}}}"#;
        assert_eq!(ask(&[both], "a:B", "*", &[(MFA, "true"), ("sts:externalid", "b")]), Decision::Allow);
        assert_eq!(ask(&[both], "a:B", "*", &[(MFA, "true"), ("sts:externalid", "c")]), Decision::ImplicitDeny);
        assert_eq!(ask(&[both], "a:B", "*", &[("sts:externalid", "b")]), Decision::ImplicitDeny);
    }

    #[test]
    fn a_trust_policy_names_the_caller_or_the_account() {
        let (alice, root) = ("arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:root");
        let facts = Facts::new();
        let question = Question { action: "sts:AssumeRole", resource: "arn:role", facts: &facts };
        for (effect, principal, expected) in [
            ("Allow", r#"{"AWS": "arn:aws:iam::111122223333:root"}"#, Trust::Account),
            ("Allow", r#"{"AWS": "111122223333"}"#, Trust::Account),
            ("Allow", r#"{"AWS": ["arn:aws:iam::111122223333:user/alice"]}"#, Trust::Caller),
            ("Allow", r#"{"AWS": "arn:aws:iam::111122223333:user/bob"}"#, Trust::Nobody),
            ("Allow", r#"{"Service": "ec2.amazonaws.com"}"#, Trust::Nobody),
            ("Allow", r#""*""#, Trust::Caller),
            ("Deny", r#""*""#, Trust::Nobody),
        ] {
            let text = format!(r#"{{"Effect": "{effect}", "Action": "sts:AssumeRole", "Principal": {principal}}}"#);
            assert_eq!(trust(&policy(&text), &[alice.to_owned()], root, question), expected, "{text}");
        }
    }

    #[test]
    fn a_provider_is_trusted_by_its_own_name_only_and_one_deny_beats_an_allow() {
        let provider = "arn:aws:iam::111122223333:oidc-provider/id.example";
        let action = "sts:AssumeRoleWithWebIdentity";
        let trusted = |statements: &[&str], subject: &str| {
            let facts = Facts::from([("id.example:sub".to_owned(), subject.to_owned())]);
            let question = Question { action, resource: "arn:role", facts: &facts };
            trusts_provider(&policy(&format!("[{}]", statements.join(","))), provider, question)
        };
        let allow = format!(
            r#"{{"Effect": "Allow", "Action": "{action}", "Principal": {{"Federated": "{provider}"}},
                "Condition": {{"StringLike": {{"id.example:sub": "repo:a/*"}}}}}}"#
        );
        let deny = r#"{"Effect": "Deny", "Action": "sts:*", "Principal": "*"}"#;
        assert!(trusted(&[&allow], "repo:a/b"));
        assert!(!trusted(&[&allow], "repo:b/b"));
        assert!(!trusted(&[&allow, deny], "repo:a/b"));
        let user = allow.replace("Federated", "AWS");
        assert!(!trusted(&[&user], "repo:a/b"));
    }

    #[test]
    fn a_session_policy_has_actions_and_resources_and_no_principal() {
        for (statement, words) in [
            (r#""Action": "*", "Resource": "*", "Principal": "*""#, "Policy document should not specify a principal."),
            (r#""Resource": "*""#, "Policy statement must contain actions."),
            (r#""Action": "*""#, "Policy statement must contain resources."),
        ] {
            let text = format!(r#"{{"Statement": {{"Effect": "Allow", {statement}}}}}"#);
            let refused = Policy::parse_without_principal(&text);
            assert!(matches!(refused, Err(InvalidPolicy::Part(part)) if part == words), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let statement = |condition: &str| {
            format!(
                r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}}}}}"#
            )
        };
        let unknown = Policy::parse(&statement(r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#));
        assert!(matches!(unknown, Err(InvalidPolicy::Operator(_))));
        let number = Policy::parse(&statement(r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": "soon"}}"#));
        assert!(matches!(number, Err(InvalidPolicy::Number(_))));
        assert!(matches!(Policy::parse("{}"), Err(InvalidPolicy::Form(_))));
    }
}
