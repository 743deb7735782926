//! The Secret Service of Linux desktops: the words of it that we use (Secret Service API 0.2, of freedesktop.org), each one
//! call. `bus` has the calls and what can be wrong with them, `transport` how secrets are encrypted on the bus.

mod bus;
mod transport;

use std::{
    cell::OnceCell,
    collections::HashMap,
    time::{Duration, Instant},
};

use dbus::{
    Message, Path,
    arg::{PropMap, ReadAll, RefArg, Variant},
};

pub use self::bus::Fault;
use self::{
    bus::{Bus, SECRETS},
    transport::{ALGORITHM, Exchange, Transport},
};
use crate::secret::SecretBytes;

const ROOT: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Stands where there is no object.
const NONE: &str = "/";
/// One in 256 gives no key: as many in a row do not happen by chance.
const EXCHANGES: usize = 8;
const CONTENT_TYPE: &str = "application/octet-stream";

/// An item or a collection.
pub type Object = Path<'static>;
/// The session, the initialisation vector, the encrypted content and its type.
type Sealed = (Object, Vec<u8>, Vec<u8>, String);

/// The items of a search.
pub struct Found {
    /// In collections that are open.
    pub open: Vec<Object>,
    /// In collections that are locked.
    pub locked: Vec<Object>,
}

/// Asks a person by the service's own prompt and waits for the answer, or is not allowed to.
pub type MayAsk = Option<Duration>;

/// A conversation with the service: one connection, one session in which secrets are encrypted.
pub struct Service {
    bus: Bus,
    /// Made when the first secret goes over the bus: its keys cost the service some milliseconds.
    session: OnceCell<(Object, Transport)>,
    patience: Duration,
}

impl Service {
    /// Connects to the bus. Each call may take so long, all together until [`Service::begin`].
    pub fn connect(patience: Duration) -> Result<Service, Fault> {
        let bus = Bus::connect(Instant::now() + patience)?;
        Ok(Service { bus, session: OnceCell::new(), patience })
    }

    /// Whatever is asked from here on has the whole patience again.
    pub fn begin(&self) {
        self.bus.answer_by(Instant::now() + self.patience);
    }

    /// Starts the service, and lets it take that long, its first answers included.
    pub fn start(&mut self, patience: Duration) -> Result<(), Fault> {
        log::debug!("the Secret Service is being started");
        self.session.take();
        self.bus.start(Instant::now() + patience)
    }

    /// The items with these attributes, in whatever collection.
    pub fn search(&self, attributes: &HashMap<&str, &str>) -> Result<Found, Fault> {
        let (open, locked) = self.bus.call(ROOT, SERVICE, "SearchItems", (attributes.clone(),))?;
        Ok(Found { open, locked })
    }

    /// What an item holds.
    ///
    /// # Errors
    /// As [`Fault`] says, here and below.
    pub fn secret(&self, item: &Object) -> Result<SecretBytes, Fault> {
        let (path, transport) = self.session()?;
        let ((_, iv, sealed, _),): (Sealed,) = self.bus.call(item, ITEM, "GetSecret", (path.clone(),))?;
        transport.open(&iv, &sealed).ok_or_else(Fault::nonsense)
    }

    /// Changes what an item holds.
    pub fn set_secret(&self, item: &Object, content: &SecretBytes) -> Result<(), Fault> {
        self.bus.call(item, ITEM, "SetSecret", (self.sealed(content)?,))
    }

    /// Makes an item, or replaces the one of the same attributes in the collection.
    pub fn create_item(
        &self,
        collection: &Object,
        label: &str,
        attributes: &HashMap<&str, &str>,
        content: &SecretBytes,
        may_ask: MayAsk,
    ) -> Result<(), Fault> {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let attributes: HashMap<String, String> = attributes.collect();
        let properties = properties([
            ("org.freedesktop.Secret.Item.Label", Box::new(label.to_owned())),
            ("org.freedesktop.Secret.Item.Attributes", Box::new(attributes)),
        ]);
        let sealed = self.sealed(content)?;
        let (_, prompt): (Object, Object) =
            self.bus.call(collection, COLLECTION, "CreateItem", (properties, sealed, true))?;
        self.done(&prompt, may_ask).map(drop)
    }

    /// Deletes an item.
    pub fn delete(&self, item: &Object, may_ask: MayAsk) -> Result<(), Fault> {
        let (prompt,) = self.bus.call(item, ITEM, "Delete", ())?;
        self.done(&prompt, may_ask).map(drop)
    }

    /// Unlocks an item or a collection.
    pub fn unlock(&self, object: &Object, may_ask: MayAsk) -> Result<(), Fault> {
        let (_, prompt): (Vec<Object>, Object) = self.bus.call(ROOT, SERVICE, "Unlock", (vec![object.clone()],))?;
        self.done(&prompt, may_ask).map(drop)
    }

    /// The collection that new items go to unless somebody says otherwise.
    pub fn default_collection(&self) -> Result<Option<Object>, Fault> {
        let (path,) = self.bus.call(ROOT, SERVICE, "ReadAlias", ("default",))?;
        Ok(some(path))
    }

    /// All collections.
    pub fn collections(&self) -> Result<Vec<Object>, Fault> {
        self.property(ROOT, SERVICE, "Collections")
    }

    /// The first collection of this label.
    pub fn collection_labelled(&self, label: &str) -> Result<Option<Object>, Fault> {
        for collection in self.collections()? {
            if self.property::<String>(&collection, COLLECTION, "Label")? == label {
                return Ok(Some(collection));
            }
        }
        Ok(None)
    }

    /// All items of a collection.
    pub fn items(&self, collection: &Object) -> Result<Vec<Object>, Fault> {
        self.property(collection, COLLECTION, "Items")
    }

    /// What an item is found by.
    pub fn item_attributes(&self, item: &Object) -> Result<HashMap<String, String>, Fault> {
        self.property(item, ITEM, "Attributes")
    }

    /// The text by which a person knows an item.
    pub fn item_label(&self, item: &Object) -> Result<String, Fault> {
        self.property(item, ITEM, "Label")
    }

    /// Makes a collection; a person gives it a password.
    pub fn create_collection(&self, label: &str, may_ask: MayAsk) -> Result<Object, Fault> {
        let properties = properties([("org.freedesktop.Secret.Collection.Label", Box::new(label.to_owned()))]);
        let (path, prompt): (Object, Object) =
            self.bus.call(ROOT, SERVICE, "CreateCollection", (properties, String::new()))?;
        let asked = self.done(&prompt, may_ask)?;
        some(path).or(asked).ok_or_else(Fault::nonsense)
    }

    /// Whether a collection is locked.
    pub fn is_locked(&self, collection: &Object) -> Result<bool, Fault> {
        self.property(collection, COLLECTION, "Locked")
    }

    fn property<T>(&self, path: &str, interface: &str, name: &str) -> Result<T, Fault>
    where
        (Variant<T>,): ReadAll,
    {
        let (Variant(value),) = self.bus.call(path, PROPERTIES, "Get", (interface, name))?;
        Ok(value)
    }

    fn session(&self) -> Result<&(Object, Transport), Fault> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        for _ in 0..EXCHANGES {
            let exchange = Exchange::begin().ok_or_else(no_random_bytes)?;
            let ours = Variant(exchange.public());
            let (Variant(theirs), path): (Variant<Vec<u8>>, Object) =
                self.bus.call(ROOT, SERVICE, "OpenSession", (ALGORITHM, ours))?;
            if let Some(transport) = exchange.end(&theirs) {
                return Ok(self.session.get_or_init(|| (path, transport)));
            }
        }
        Err(Fault::nonsense())
    }

    fn sealed(&self, content: &SecretBytes) -> Result<Sealed, Fault> {
        let (path, transport) = self.session()?;
        let (iv, sealed) = transport.seal(content).ok_or_else(no_random_bytes)?;
        Ok((path.clone(), iv, sealed, CONTENT_TYPE.to_owned()))
    }

    /// Sees a call to its end that may have left a prompt to show; the object that came of it, if any.
    fn done(&self, prompt: &Object, may_ask: MayAsk) -> Result<Option<Object>, Fault> {
        if **prompt == *NONE {
            return Ok(None);
        }
        let Some(patience) = may_ask else {
            return Err(Fault::Locked("it wants to ask, and nobody may be asked here".to_owned()));
        };
        self.bus.listen(&format!("type='signal',sender='{SECRETS}',interface='{PROMPT}',path='{prompt}'"))?;
        self.bus.listen(&format!("type='signal',member='NameOwnerChanged',arg0='{SECRETS}'"))?;
        self.bus.call::<()>(prompt, PROMPT, "Prompt", ("",))?;
        self.bus.answer_by(Instant::now() + patience);
        let answer = self.answer(prompt);
        self.begin();
        if answer.is_err() {
            // Whether the window was closed, or is still to be, nothing else can be done about it.
            let _ = self.bus.call::<()>(prompt, PROMPT, "Dismiss", ());
        }
        answer
    }

    fn answer(&self, prompt: &Object) -> Result<Option<Object>, Fault> {
        while let Some(signal) = self.bus.signal()? {
            match signal.member().as_deref() {
                Some("Completed") if signal.path().as_ref() == Some(prompt) => return completed(&signal),
                Some("NameOwnerChanged") => return Err(Fault::ended()),
                _ => {}
            }
        }
        Err(Fault::Locked("nobody answered its prompt".to_owned()))
    }
}

fn completed(signal: &Message) -> Result<Option<Object>, Fault> {
    match signal.read2::<bool, Variant<Box<dyn RefArg>>>() {
        Ok((false, result)) => Ok(result.0.as_str().and_then(|path| Path::new(path).ok())),
        Ok((true, _)) => {
            Err(Fault::Locked("the prompt that unlocks it was dismissed, or could not be shown".to_owned()))
        }
        Err(_) => Err(Fault::nonsense()),
    }
}

fn some(path: Object) -> Option<Object> {
    (*path != *NONE).then_some(path)
}

fn properties<const N: usize>(values: [(&str, Box<dyn RefArg>); N]) -> PropMap {
    values.into_iter().map(|(name, value)| (name.to_owned(), Variant(value))).collect()
}

fn no_random_bytes() -> Fault {
    Fault::unavailable("the system gives no random bytes")
}
