//! IAM: access keys. Two at most for a user, so that one can be replaced while the other works.

use std::time::SystemTime;

use super::{
    answer::{Call, Reply},
    error::ServiceError,
    world::{AccessKey, Identity, LastUse},
    xml,
};
use crate::rfc3339;

const MAX_KEYS_PER_USER: usize = 2;

pub(super) fn create_access_key(call: &mut Call<'_>) -> Reply {
    let owner = key_owner(call, "iam:CreateAccessKey")?;
    if call.world.keys_of(&owner).count() >= MAX_KEYS_PER_USER {
        let text = format!("Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS_PER_USER}");
        return Err(ServiceError::limit_exceeded(text));
    }
    let (known_from, listed_from) =
        (call.now + call.world.rules.propagation_delay, call.now + call.world.rules.list_delay);
    let key = call.world.add_key(owner, call.now)?;
    (key.known_from, key.listed_from) = (known_from, listed_from);
    let created = key_element(key) + &xml::text("SecretAccessKey", key.secret.expose());
    Ok(xml::element("AccessKey", &created))
}

pub(super) fn list_access_keys(call: &mut Call<'_>) -> Reply {
    let owner = key_owner(call, "iam:ListAccessKeys")?;
    let delay = call.world.rules.list_delay;
    let is_still_shown = |deleted: &SystemTime| call.now < *deleted + delay;
    let deleted = call.world.deleted_keys.iter().filter(|(key, deleted)| key.owner == owner && is_still_shown(deleted));
    let keys = call.world.keys_of(&owner).chain(deleted.map(|(key, _)| key));
    let members = keys.filter(|key| key.listed_from <= call.now).map(key_element).collect();
    call.page("AccessKeyMetadata", members)
}

pub(super) fn update_access_key(call: &mut Call<'_>) -> Reply {
    if call.caller.is_session && call.parameters.get("UserName").is_none() {
        return Err(ServiceError::validation("Must specify userName when calling with non-User credentials"));
    }
    let owner = key_owner(call, "iam:UpdateAccessKey")?;
    let status = call.parameters.required("Status")?;
    if !matches!(status, "Active" | "Inactive") {
        let rule = "Member must satisfy enum value set: [Active, Inactive, Expired]";
        return Err(ServiceError::constraint("Status", Some(status), rule));
    }
    let index = key_index(call, &owner)?;
    call.world.keys[index].active = status == "Active";
    Ok(String::new())
}

pub(super) fn delete_access_key(call: &mut Call<'_>) -> Reply {
    let owner = key_owner(call, "iam:DeleteAccessKey")?;
    let index = key_index(call, &owner)?;
    let deleted = call.world.keys.remove(index);
    call.world.deleted_keys.push((deleted, call.now));
    Ok(String::new())
}

pub(super) fn get_access_key_last_used(call: &mut Call<'_>) -> Reply {
    let id = call.parameters.required("AccessKeyId")?;
    let Some(key) = call.world.keys.iter().find(|key| key.id.as_str() == id) else {
        call.authorise("iam:GetAccessKeyLastUsed", &call.world.user_arn("*"))?;
        return Err(unknown_key(id));
    };
    let user_name = owner_name(&key.owner);
    call.authorise("iam:GetAccessKeyLastUsed", &call.world.arn_of(&key.owner))?;
    let used = match &key.last_used {
        Some(LastUse { at, region, service }) => {
            xml::text("LastUsedDate", &rfc3339::format(*at))
                + &xml::text("Region", region)
                + &xml::text("ServiceName", service)
        }
        None => xml::text("Region", "N/A") + &xml::text("ServiceName", "N/A"),
    };
    Ok(xml::text("UserName", user_name) + &xml::element("AccessKeyLastUsed", &used))
}

/// Whose keys a call is about, if the caller may do that.
fn key_owner(call: &Call<'_>, action: &str) -> Result<Identity, ServiceError> {
    if call.parameters.get("UserName").is_none() && call.caller.identity == Identity::Root {
        return Ok(Identity::Root);
    }
    let user = call.named_user()?;
    call.authorise(action, &call.world.user_arn(&user))?;
    if !call.world.users.contains_key(&user) {
        return Err(ServiceError::no_such_entity(format!("The user with name {user} cannot be found.")));
    }
    Ok(Identity::User(user))
}

fn key_index(call: &Call<'_>, owner: &Identity) -> Result<usize, ServiceError> {
    let id = call.parameters.required("AccessKeyId")?;
    let mut keys = call.world.keys.iter();
    keys.position(|key| key.id.as_str() == id && key.owner == *owner).ok_or_else(|| unknown_key(id))
}

fn unknown_key(id: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

fn key_element(key: &AccessKey) -> String {
    let status = if key.active { "Active" } else { "Inactive" };
    xml::text("UserName", owner_name(&key.owner))
        + &xml::text("AccessKeyId", key.id.as_str())
        + &xml::text("Status", status)
        + &xml::text("CreateDate", &rfc3339::format(key.created))
}

fn owner_name(owner: &Identity) -> &str {
    match owner {
        Identity::User(name) => name,
        _ => "root",
    }
}
