//! The Secret Service of Linux desktops (GNOME Keyring, KWallet, KeePassXC) as a keystore, over one connection to D-Bus.
//!
//! Here is decided what they mean for a record: where it is looked for and made, who is asked, what is tried again.
//! Nothing takes longer than two seconds, save a person who is asked, and a service that has yet to start.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use super::{NAME, SERVICE, corrupt, unavailable};
use crate::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
    secret_service::{Fault, Found, MayAsk, Object, Service},
};

/// The service itself has no practical limit.
const LIMIT_BYTES: usize = 1024 * 1024;
/// Two seconds, less what the process needs around it.
const PATIENCE: Duration = Duration::from_millis(1700);
const STARTING_PATIENCE: Duration = Duration::from_secs(10);
/// A person types a password meanwhile.
const PERSON_PATIENCE: Duration = Duration::from_secs(120);
/// Other processes may remove items while many are looked at.
const GONE_ATTEMPTS: usize = 8;

/// The keystore that the operating system has.
pub struct OsKeystore {
    may_ask: MayAsk,
    collection: Option<String>,
    service: RefCell<Option<Service>>,
}

/// Where the items of our records are, or would be made.
struct Homes {
    own: Option<Object>,
    default: Option<Object>,
}

/// Where a record is.
enum Place {
    Item(Object),
    /// Nowhere; everything was open when it was searched.
    Nowhere(Homes),
}

impl OsKeystore {
    /// The store of the user's session, which is not contacted before the first call. Only with `interactive` may the
    /// system open a window that asks for a password; without, what is locked is `Locked` at once.
    pub fn new(interactive: bool) -> Self {
        OsKeystore { may_ask: interactive.then_some(PERSON_PATIENCE), collection: None, service: RefCell::default() }
    }

    /// Has new items made in the collection of this label, which is made itself if a person can be asked for its
    /// password. Items are found wherever they are.
    #[must_use]
    pub fn in_collection(self, label: Option<String>) -> Self {
        OsKeystore { collection: label, ..self }
    }

    /// Asks within two seconds whether the store can be used, without a question to anybody; within ten, if it
    /// has to be started.
    ///
    /// # Errors
    /// If it is locked, then `Locked`; if it is not there or does not answer, then `Unavailable`, with the reason.
    pub fn probe(collection: Option<&str>) -> Result<(), KeystoreError> {
        let keystore = OsKeystore::new(false).in_collection(collection.map(ToOwned::to_owned));
        let look = |service: &Service| match keystore.homes(service)? {
            Homes { own: Some(home), .. } | Homes { default: Some(home), .. } if service.is_locked(&home)? => {
                keystore.open(service, &home)
            }
            Homes { own: Some(_), .. } | Homes { default: Some(_), .. } => Ok(()),
            // It is made with the first record.
            Homes { .. } if keystore.collection.is_some() => Ok(()),
            Homes { .. } => Err(no_default_collection()),
        };
        keystore.converse(look).map_err(|fault| told(fault, &RecordName::new("probe", "")))
    }

    /// Asks the service, and once more where that may help.
    fn converse<T>(&self, work: impl Fn(&Service) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut service = match self.service.take() {
            Some(service) => service,
            None => Service::connect(PATIENCE)?,
        };
        service.begin();
        let (mut anew, mut gone) = (0..2, 0..GONE_ATTEMPTS);
        loop {
            match work(&service) {
                Err(Fault::NotRunning) if anew.next().is_some() => service.start(STARTING_PATIENCE)?,
                Err(Fault::Stale) if anew.next().is_some() => service = Service::connect(PATIENCE)?,
                Err(Fault::Gone) if gone.next().is_some() => {}
                Err(Fault::NotRunning | Fault::Stale | Fault::Gone) => {
                    return Err(Fault::unavailable("the Secret Service changes while it is asked"));
                }
                answer => {
                    if matches!(answer, Ok(_) | Err(Fault::Missing)) {
                        self.service.replace(Some(service));
                    }
                    return answer;
                }
            }
        }
    }

    /// Finds the place of a record and works there.
    fn at<T>(
        &self,
        record: &RecordName,
        work: impl Fn(&Service, &HashMap<&str, &str>, Place) -> Result<T, Fault>,
    ) -> Result<T, KeystoreError> {
        let user = record.to_string();
        if user.contains('\0') {
            return Err(unavailable("D-Bus takes no name with a NUL in it"));
        }
        // Whoever looks for these finds what keyring-core's store made, and that store finds ours.
        let attributes = HashMap::from([("service", SERVICE), ("username", user.as_str())]);
        let answer = self.converse(|service| work(service, &attributes, self.place(service, &attributes)?));
        answer.map_err(|fault| told(fault, record))
    }

    fn place(&self, service: &Service, attributes: &HashMap<&str, &str>) -> Result<Place, Fault> {
        let found = service.search(attributes)?;
        if let Some(item) = only(&found)? {
            if !found.locked.is_empty() {
                self.open(service, item)?;
            }
            return Ok(Place::Item(item.clone()));
        }
        let homes = self.homes(service)?;
        if homes.own.is_none() && homes.default.is_none() && self.collection.is_none() {
            return Err(no_default_collection());
        }
        // What is locked may hide its items, and "locked" must not be taken for "not found".
        let mut was_locked = false;
        for home in homes.own.iter().chain(&homes.default) {
            if service.is_locked(home)? {
                self.open(service, home)?;
                was_locked = true;
            }
        }
        let found = if was_locked { service.search(attributes)? } else { found };
        Ok(only(&found)?.map_or_else(|| Place::Nowhere(homes), |item| Place::Item(item.clone())))
    }

    fn homes(&self, service: &Service) -> Result<Homes, Fault> {
        let own = match &self.collection {
            Some(label) => service.collection_labelled(label)?,
            None => None,
        };
        Ok(Homes { own, default: service.default_collection()? })
    }

    /// Sees to it that an item or a collection is not locked. KWallet opens nothing without a prompt, but shows no window
    /// for a wallet that the login opened.
    fn open(&self, service: &Service, object: &Object) -> Result<(), Fault> {
        match self.may_ask {
            Some(_) => service.unlock(object, self.may_ask),
            None => Err(Fault::Locked("its collection is locked, and nobody may be asked here".to_owned())),
        }
    }

    /// The collection for a new item.
    fn home(&self, service: &Service, homes: Homes) -> Result<Object, Fault> {
        match (homes.own, &self.collection) {
            (Some(own), _) => Ok(own),
            (None, None) => homes.default.ok_or_else(no_default_collection),
            (None, Some(label)) if self.may_ask.is_some() => service.create_collection(label, self.may_ask),
            (None, Some(label)) => Err(Fault::Locked(format!(
                "there is no collection `{label}` yet, and nobody may be asked here for its password"
            ))),
        }
    }
}

impl Keystore for OsKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, record: &RecordName, to_write: bool) -> Result<(), KeystoreError> {
        if self.may_ask.is_none() {
            return Ok(());
        }
        // Looking for it unlocks all that may hold it.
        let opened = self.at(record, |service, _, place| match place {
            Place::Nowhere(homes) if to_write => self.home(service, homes).map(drop),
            Place::Item(_) | Place::Nowhere(_) => Ok(()),
        });
        match opened {
            Err(KeystoreError::Corrupt { .. }) => Ok(()),
            opened => opened,
        }
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.at(record, |service, _, place| match place {
            Place::Item(item) => service.secret(&item),
            Place::Nowhere(_) => Err(Fault::Missing),
        })
    }

    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        let ours = HashMap::from([("service", SERVICE)]);
        let names = self.converse(|service| {
            let found = service.search(&ours)?;
            if let Some(item) = found.locked.first() {
                self.open(service, item)?;
                return Err(Fault::Gone);
            }
            let mut names = Vec::with_capacity(found.open.len());
            for item in &found.open {
                service.begin();
                names.extend(service.item_attributes(item)?.remove("username"));
            }
            Ok(Some(names))
        });
        names.map_err(|fault| told(fault, &RecordName::new("list", "")))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > LIMIT_BYTES {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: LIMIT_BYTES });
        }
        self.at(record, |service, attributes, place| match place {
            Place::Item(item) => service.set_secret(&item, content),
            Place::Nowhere(homes) => {
                let home = self.home(service, homes)?;
                service.create_item(&home, &label(record), attributes, content, self.may_ask)
            }
        })
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.at(record, |service, _, place| match place {
            Place::Item(item) => service.delete(&item, self.may_ask),
            Place::Nowhere(_) => Err(Fault::Missing),
        })
    }
}

/// The one item that was found, if any.
fn only(found: &Found) -> Result<Option<&Object>, Fault> {
    let mut items = found.open.iter().chain(&found.locked);
    match (items.next(), items.count()) {
        (item, 0) => Ok(item),
        (_, more) => Err(Fault::Corrupt(format!("{} items have the name of one record", more + 1))),
    }
}

/// What password managers show.
fn label(record: &RecordName) -> String {
    let name = record.name();
    let start = name.get(..8).unwrap_or(name);
    match record.kind() {
        "key" => format!("mfavault: access key of {name}"),
        "device" => format!("mfavault: MFA seed {name}"),
        // Their names are hashes: enough of it to tell two apart.
        "session" => format!("mfavault: session {start}"),
        "sign-in" => format!("mfavault: sign-in {start}"),
        kind => format!("mfavault: {kind} {name}"),
    }
}

fn no_default_collection() -> Fault {
    Fault::unavailable("the Secret Service has no default collection")
}

fn told(fault: Fault, record: &RecordName) -> KeystoreError {
    match fault {
        Fault::Missing => KeystoreError::NotFound { keystore: NAME, record: record.clone() },
        Fault::Locked(reason) => KeystoreError::Locked { keystore: NAME, reason },
        Fault::Corrupt(reason) => corrupt(reason),
        Fault::Unavailable(reason) => unavailable(reason),
        Fault::Gone | Fault::Stale | Fault::NotRunning => unavailable("the Secret Service went away"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_a_person_recognises() {
        let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (kind, name, expected) in [
            ("key", "prod", "mfavault: access key of prod"),
            ("device", "alice", "mfavault: MFA seed alice"),
            ("session", hash, "mfavault: session 01234567"),
            ("sign-in", hash, "mfavault: sign-in 01234567"),
            ("session", "ab", "mfavault: session ab"),
            ("journal", "alice", "mfavault: journal alice"),
        ] {
            assert_eq!(label(&RecordName::new(kind, name)), expected);
        }
    }
}
