//! What to do about an access key that was not replaced, or not to the end.

use crate::{
    aws::AwsError,
    commands::{Error, rotate::RotateError},
    credentials::AccessKeyId,
    visible::shell_word,
};

pub(super) fn hint(error: &RotateError) -> Option<String> {
    Some(match error {
        RotateError::KeyOfAnother { key_of, .. } => format!("`mfavault rotate {}`", shell_word(key_of)),
        RotateError::RootKey { .. } => {
            "sign in to the console as root and delete it under `Security credentials`; work \
                                        with the key of an IAM user"
                .to_owned()
        }
        RotateError::NotAUser { .. } => "name the profile of an IAM user's key; `mfavault list` shows them".to_owned(),
        RotateError::OtherKeyActive { profile, user_name, access_key_id, .. } => format!(
            "if nobody needs it: `mfavault exec {profile} -- {}`, then `mfavault rotate {profile} --delete-other`",
            deactivate_command(user_name, access_key_id),
            profile = shell_word(profile)
        ),
        RotateError::OtherKeyHeld { held_by, .. } => format!(
            "if nobody needs it: deactivate it at AWS and `mfavault remove {}`; one user needs one key, and several profiles may \
             have it",
            shell_word(held_by)
        ),
        RotateError::Unfinished { profile, source } => {
            let again = format!("`mfavault rotate {}` goes on from here", shell_word(profile));
            match &**source {
                Error::Rotate(
                    inner @ (RotateError::OldKeyActive { .. }
                    | RotateError::NotTakenBack { .. }
                    | RotateError::LostKeyNotListed { .. }),
                ) => {
                    format!("{}; then {again}", hint(inner).unwrap_or_default())
                }
                Error::Rotate(RotateError::NewKeyLeft { user_name, access_key_id, .. }) => {
                    format!("{again}, or delete it: `{}`", delete_command(user_name, access_key_id))
                }
                inner @ (Error::Prompt(_) | Error::Aws(AwsError::AccessDenied { .. })) => match super::hint(inner) {
                    Some(first) => format!("{first}; `mfavault rotate {}` goes on from here", shell_word(profile)),
                    None => again,
                },
                _ => format!("nothing is lost: {again}"),
            }
        }
        RotateError::NotStored { .. } => {
            "see what is wrong with the keystore: `mfavault doctor`; then try again".to_owned()
        }
        RotateError::LostKeyNotListed { .. } => "wait some minutes".to_owned(),
        RotateError::NotAccepted { .. } => "wait some minutes and try again".to_owned(),
        RotateError::NewKeyLeft { user_name, access_key_id, .. }
        | RotateError::NotTakenBack { user_name, access_key_id, .. } => {
            format!("have it deleted: `{}`", delete_command(user_name, access_key_id))
        }
        RotateError::OldKeyActive { user_name, access_key_id, .. } => format!(
            "have iam:UpdateAccessKey and iam:DeleteAccessKey allowed for the user's own keys, or the old one deactivated: `{}`",
            deactivate_command(user_name, access_key_id)
        ),
        RotateError::OldKeyNotDeleted { profile, user_name, access_key_id, .. } => format!(
            "it opens nothing any more; whoever may (iam:DeleteAccessKey) deletes it: `{}`, or `mfavault rotate {profile}` once you \
             may; `mfavault rotate {profile} --deactivate-only` leaves it",
            delete_command(user_name, access_key_id),
            profile = shell_word(profile)
        ),
        RotateError::UnderWay { profile } => {
            format!("finish or undo that first: `mfavault rotate {}`", shell_word(profile))
        }
    })
}

fn deactivate_command(user_name: &str, access_key_id: &AccessKeyId) -> String {
    format!("aws iam update-access-key --user-name {user_name} --access-key-id {access_key_id} --status Inactive")
}

fn delete_command(user_name: &str, access_key_id: &AccessKeyId) -> String {
    format!("aws iam delete-access-key --user-name {user_name} --access-key-id {access_key_id}")
}
