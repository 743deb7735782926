//! The signals that end a process, while a question is open: they wait until the terminal is set back.
//!
//! The handlers come with the first question. They cannot be taken away again (`signal_hook` leaves its own in place):
//! between questions they do what happens without one, and after [`EndSignals::release`] nothing.

use std::{
    cell::RefCell,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::{Handle, Signals},
    low_level::{emulate_default_handler, unregister},
};

/// Of two that came, the first here takes effect.
const ENDING: [i32; 4] = [SIGTERM, SIGHUP, SIGQUIT, SIGINT];

/// For all questions of a prompt.
#[derive(Default)]
pub(super) struct EndSignals {
    registered: RefCell<Option<Registered>>,
}

struct Registered {
    state: Arc<State>,
    actions: Vec<SigId>,
    thread: Handle,
}

struct State {
    /// Whether a signal has its default effect now.
    idle: Arc<AtomicBool>,
    /// Which of [`ENDING`] came while they had none.
    came: [Arc<AtomicBool>; ENDING.len()],
    question: Mutex<Question>,
}

enum Question {
    None,
    /// A signal does not end it; with what sets the terminal back.
    Reading(Box<dyn FnMut() + Send>),
    /// A signal ends it, and whoever asked sets the terminal back.
    Interruptible,
}

/// The signals have no effect of their own as long as this is there. One that came takes effect when it is dropped.
pub(super) struct Held(Arc<State>);

impl EndSignals {
    /// Holds them back for a question that ends by itself when a signal comes.
    ///
    /// # Errors
    /// If the system refuses, then its error.
    pub(super) fn hold(&self) -> io::Result<Held> {
        self.hold_for(Question::Interruptible)
    }

    /// Holds them back for a question that goes on: when a signal comes, this sets the terminal back.
    ///
    /// # Errors
    /// As [`EndSignals::hold`].
    pub(super) fn hold_with(&self, set_back: impl FnMut() + Send + 'static) -> io::Result<Held> {
        self.hold_for(Question::Reading(Box::new(set_back)))
    }

    fn hold_for(&self, question: Question) -> io::Result<Held> {
        let mut registered = self.registered.borrow_mut();
        let state = match &*registered {
            Some(registered) => Arc::clone(&registered.state),
            None => Arc::clone(&registered.insert(Registered::new()?).state),
        };
        *state.question() = question;
        state.idle.store(false, Ordering::SeqCst);
        Ok(Held(state))
    }

    /// Leaves them to whoever handles them from now on.
    pub(super) fn release(&self) {
        if let Some(registered) = self.registered.take() {
            registered.thread.close();
            for action in registered.actions {
                unregister(action);
            }
        }
    }
}

impl Registered {
    fn new() -> io::Result<Self> {
        let state = Arc::new(State {
            idle: Arc::new(AtomicBool::new(true)),
            came: Default::default(),
            question: Mutex::new(Question::None),
        });
        let mut actions = Vec::new();
        for (signal, came) in ENDING.into_iter().zip(&state.came) {
            actions.push(flag::register_conditional_default(signal, Arc::clone(&state.idle))?);
            actions.push(flag::register(signal, Arc::clone(came))?);
        }
        // After the others: when the thread hears of a signal, `came` knows it.
        let mut signals = Signals::new(ENDING)?;
        let handle = signals.handle();
        let watched = Arc::clone(&state);
        let watch = move || signals.forever().for_each(|_| watched.signalled());
        thread::Builder::new().name("terminal".into()).spawn(watch)?;
        Ok(Registered { state, actions, thread: handle })
    }
}

impl State {
    fn question(&self) -> MutexGuard<'_, Question> {
        self.question.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signalled(&self) {
        let mut question = self.question();
        match &mut *question {
            Question::Interruptible => return,
            Question::Reading(set_back) => set_back(),
            // It came in the last moment of the question.
            Question::None => {}
        }
        self.take_effect();
    }

    fn take_effect(&self) {
        for (signal, came) in ENDING.into_iter().zip(&self.came) {
            if came.swap(false, Ordering::SeqCst) {
                let _ = emulate_default_handler(signal);
            }
        }
    }
}

impl Held {
    /// Lets them go after a question where Ctrl-C was an answer like any other.
    pub(super) fn end(self) {
        let [.., interrupt] = &self.0.came;
        interrupt.store(false, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.question() = Question::None;
        self.0.idle.store(true, Ordering::SeqCst);
        self.0.take_effect();
    }
}
