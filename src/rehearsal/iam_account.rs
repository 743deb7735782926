//! IAM: users and the account, as far as they are asked about; whom a call without `UserName` means; pages.

use super::{
    answer::{Call, Reply},
    error::ServiceError,
    world::{Identity, World},
    xml,
};
use crate::rfc3339;

pub(super) fn get_user(call: &mut Call<'_>) -> Reply {
    if call.parameters.get("UserName").is_none() && call.caller.identity == Identity::Root {
        let (arn, id) = (call.world.iam_arn("root"), call.world.account_id.clone());
        let created = rfc3339::format(call.world.created);
        let user = xml::text("UserId", &id) + &xml::text("Arn", &arn) + &xml::text("CreateDate", &created);
        return Ok(xml::element("User", &user));
    }
    let user = call.named_user()?;
    call.authorise("iam:GetUser", &call.world.user_arn(&user))?;
    if !call.world.users.contains_key(&user) {
        return Err(ServiceError::no_such_entity(format!("The user with name {user} cannot be found.")));
    }
    Ok(xml::element("User", &user_element(call.world, &user)))
}

pub(super) fn list_users(call: &mut Call<'_>) -> Reply {
    call.authorise("iam:ListUsers", &call.world.iam_arn("user/"))?;
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    // Every user here has the path `/`.
    let users = call.world.users.keys().filter(|_| prefix == "/");
    let members = users.map(|user| user_element(call.world, user)).collect();
    call.page("Users", members)
}

pub(super) fn get_account_summary(call: &mut Call<'_>) -> Reply {
    call.authorise("iam:GetAccountSummary", "*")?;
    let world = &call.world;
    let in_use = world.devices.values().filter(|device| device.enabled.is_some()).count();
    let root_keys = world.keys_of(&Identity::Root).count();
    let entries = [
        ("Users", world.users.len()),
        ("UsersQuota", 5000),
        ("Roles", world.roles.len()),
        ("RolesQuota", 1000),
        ("MFADevices", world.devices.len()),
        ("MFADevicesInUse", in_use),
        ("AccountMFAEnabled", 0),
        ("AccountAccessKeysPresent", root_keys.min(1)),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
        ("AccessKeysPerUserQuota", 2),
    ];
    let entry = |(key, value): &(&str, usize)| {
        xml::element("entry", &(xml::text("key", key) + &xml::text("value", &value.to_string())))
    };
    Ok(xml::element("SummaryMap", &entries.iter().map(entry).collect::<String>()))
}

pub(super) fn list_account_aliases(call: &mut Call<'_>) -> Reply {
    call.authorise("iam:ListAccountAliases", "*")?;
    call.page("AccountAliases", Vec::new())
}

/// A user as IAM shows it.
pub(super) fn user_element(world: &World, name: &str) -> String {
    let id = world.id_of(&Identity::User(name.to_owned()));
    xml::text("Path", "/")
        + &xml::text("UserName", name)
        + &xml::text("UserId", &id)
        + &xml::text("Arn", &world.user_arn(name))
        + &xml::text("CreateDate", &rfc3339::format(world.created))
}

impl Call<'_> {
    /// The user of the call: the one named, or the one who signed.
    ///
    /// # Errors
    /// If the name is none, or nobody is named and no user signed, then `ValidationError`.
    pub(super) fn named_user(&self) -> Result<String, ServiceError> {
        match (self.parameters.name("UserName", 128)?, self.caller.user_name()) {
            (Some(name), _) | (None, Some(name)) => Ok(name.to_owned()),
            (None, None) => {
                Err(ServiceError::validation("Must specify userName when calling with non-User credentials"))
            }
        }
    }

    /// One page of a list, as `MaxItems` and `Marker` ask for.
    pub(super) fn page(&self, name: &str, members: Vec<String>) -> Reply {
        let max = self.parameters.number("MaxItems", 1, 1000)?.unwrap_or(100) as usize;
        let start = match self.parameters.get("Marker").map(str::parse::<usize>) {
            None => 0,
            Some(Ok(start)) if start <= members.len() => start,
            Some(_) => return Err(ServiceError::validation("Invalid Marker.")),
        };
        let end = members.len().min(start + max);
        let mut page =
            xml::list(name, &members[start..end]) + &xml::text("IsTruncated", &(end < members.len()).to_string());
        if end < members.len() {
            page.push_str(&xml::text("Marker", &end.to_string()));
        }
        Ok(page)
    }
}
