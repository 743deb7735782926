//! One connection to the session bus, and calls over it that end by a given time.
//!
//! No call starts a program by itself: [`Bus::start`] does, so that only who starts something waits longer for it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use dbus::{
    Error, Message,
    arg::{AppendAll, ReadAll},
    channel::{BusType, Channel},
};

use crate::deadline::within;

/// The name by which the Secret Service is found, whichever program it is.
pub(super) const SECRETS: &str = "org.freedesktop.secrets";
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// Why it did not go as it should, by what can be done about it.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// Everything that could have it was searched, and it is not there.
    Missing,
    /// A person has to open it first.
    Locked(String),
    /// What is there cannot be ours.
    Corrupt(String),
    /// It is not there, or does not answer, or not sensibly.
    Unavailable(String),
    /// The object went away after it was found.
    Gone,
    /// The connection or the session is over: of a new one it can be asked again.
    Stale,
    /// Nothing owns the service's name.
    NotRunning,
}

impl Fault {
    /// `Unavailable`, for this reason.
    pub fn unavailable(reason: &str) -> Self {
        Fault::Unavailable(reason.to_owned())
    }

    /// What came back has not the form that the specification says.
    pub(super) fn nonsense() -> Self {
        Fault::unavailable("the Secret Service gave an answer that makes no sense")
    }

    pub(super) fn ended() -> Self {
        Fault::unavailable("the Secret Service ended before it answered")
    }
}

pub(super) struct Bus {
    channel: Channel,
    until: Cell<Instant>,
}

impl Bus {
    /// Connects to the session's bus by that time, which is then also the time for the calls.
    pub(super) fn connect(until: Instant) -> Result<Bus, Fault> {
        // The library waits for ever for a bus that accepts and says nothing.
        match within(left(until), || Channel::get_private(BusType::Session)) {
            Ok(Ok(channel)) => Ok(Bus { channel, until: Cell::new(until) }),
            Ok(Err(error)) => Err(Fault::Unavailable(no_bus(&error))),
            Err(_) => Err(Fault::unavailable("the D-Bus session bus does not answer")),
        }
    }

    /// From now on, whatever is called has to answer by then.
    pub(super) fn answer_by(&self, until: Instant) {
        self.until.set(until);
    }

    /// Calls a method of the Secret Service.
    pub(super) fn call<R: ReadAll>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: impl AppendAll,
    ) -> Result<R, Fault> {
        let fault = |error: &Error| fault(error, self.is_overdue());
        let answer = self.send(SECRETS, (path, interface, method), arguments)?.map_err(|error| fault(&error))?;
        answer.read_all().map_err(|_| Fault::nonsense())
    }

    /// Starts the Secret Service by that time, if the bus knows how.
    pub(super) fn start(&self, until: Instant) -> Result<(), Fault> {
        self.answer_by(until);
        let answer = self.send(BUS, (BUS_PATH, BUS, "StartServiceByName"), (SECRETS, 0_u32))?;
        answer.map(drop).map_err(|error| match last_part(&error) {
            "ServiceUnknown" | "NameHasNoOwner" => Fault::unavailable("no program offers the Secret Service on D-Bus"),
            "NoReply" | "Timeout" | "TimedOut" => {
                Fault::unavailable("the Secret Service was being started, and was not there in time")
            }
            "Disconnected" => Fault::Stale,
            _ => Fault::Unavailable(format!("the bus could not start the Secret Service: {}", text(&error))),
        })
    }

    /// Has the signals of this rule come to [`Bus::signal`].
    pub(super) fn listen(&self, rule: &str) -> Result<(), Fault> {
        let answer = self.send(BUS, (BUS_PATH, BUS, "AddMatch"), (rule,))?;
        answer.map(drop).map_err(|error| fault(&error, self.is_overdue()))
    }

    /// The next message that is no answer, or none until the time is over.
    pub(super) fn signal(&self) -> Result<Option<Message>, Fault> {
        loop {
            let left = left(self.until.get());
            let message = self.channel.blocking_pop_message(left).map_err(|_| Fault::Stale)?;
            if message.is_some() || left.is_zero() {
                return Ok(message);
            }
        }
    }

    /// The library counts in whole milliseconds, and may give up some of them early.
    fn is_overdue(&self) -> bool {
        left(self.until.get()) < Duration::from_millis(50)
    }

    fn send(
        &self,
        destination: &str,
        (path, interface, method): (&str, &str, &str),
        arguments: impl AppendAll,
    ) -> Result<Result<Message, Error>, Fault> {
        let message = Message::new_method_call(destination, path, interface, method);
        let mut message = message.map_err(|_| Fault::nonsense())?;
        message.set_auto_start(false);
        message.append_all(arguments);
        let patience = left(self.until.get()).max(Duration::from_millis(1));
        Ok(self.channel.send_with_reply_and_block(message, patience))
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn fault(error: &Error, is_overdue: bool) -> Fault {
    match last_part(error) {
        "IsLocked" => Fault::Locked("the Secret Service says so".to_owned()),
        "NoSuchObject" | "UnknownObject" | "UnknownMethod" | "UnknownInterface" => Fault::Gone,
        "NoSession" | "Disconnected" => Fault::Stale,
        "ServiceUnknown" | "NameHasNoOwner" => Fault::NotRunning,
        "NoReply" | "Timeout" | "TimedOut" if is_overdue => Fault::unavailable("the Secret Service does not answer"),
        // The bus says this of a program that went away.
        "NoReply" => Fault::ended(),
        _ => Fault::Unavailable(format!("the Secret Service says: {}", text(error))),
    }
}

fn no_bus(error: &Error) -> String {
    match last_part(error) {
        "NotSupported" | "NoServer" | "FileNotFound" | "BadAddress" => "no D-Bus session bus".to_owned(),
        _ => format!("no D-Bus session bus: {}", text(error)),
    }
}

fn last_part(error: &Error) -> &str {
    error.name().and_then(|name| name.rsplit('.').next()).unwrap_or_default()
}

fn text(error: &Error) -> &str {
    error.message().unwrap_or("nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, is_overdue: bool) -> Fault {
        fault(&Error::new_custom(name, "text"), is_overdue)
    }

    #[test]
    fn each_error_of_the_bus_says_what_can_be_done() {
        assert!(matches!(of("org.freedesktop.Secret.Error.IsLocked", false), Fault::Locked(_)));
        for name in ["org.freedesktop.Secret.Error.NoSuchObject", "org.freedesktop.DBus.Error.UnknownMethod"] {
            assert_eq!(of(name, false), Fault::Gone);
        }
        assert_eq!(of("org.freedesktop.Secret.Error.NoSession", false), Fault::Stale);
        assert_eq!(of("org.freedesktop.DBus.Error.ServiceUnknown", false), Fault::NotRunning);
        assert_eq!(of("org.freedesktop.DBus.Error.NoReply", false), Fault::ended());
        let silent = Fault::unavailable("the Secret Service does not answer");
        assert_eq!(of("org.freedesktop.DBus.Error.NoReply", true), silent);
        assert_eq!(of("a.b.Else", false), Fault::unavailable("the Secret Service says: text"));
    }
}
