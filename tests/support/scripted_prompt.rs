//! A person whose answers are known beforehand, and who remembers what was said.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use mfavault::{
    prompt::{Prompt, PromptError, Screen},
    secret::SecretText,
};

/// Answers in order; a question without an answer is a test's failure.
#[derive(Default)]
pub(crate) struct ScriptedPrompt(Mutex<State>);

#[derive(Default)]
struct State {
    answers: VecDeque<String>,
    nobody: bool,
    interrupts: bool,
    no_terminal: bool,
    questions: Vec<String>,
    talk: Vec<String>,
    countdowns: Vec<(String, Duration)>,
    last_words: Option<String>,
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl ScriptedPrompt {
    /// Adds the answer to a question to come; a confirmation takes `yes` or `no`.
    pub(crate) fn answer(&self, text: &str) {
        self.lock().answers.push_back(text.to_owned());
    }

    /// From now on nobody is there to be asked.
    pub(crate) fn leave(&self) {
        self.lock().nobody = true;
    }

    /// The next confirmation is answered by Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.lock().interrupts = true;
    }

    /// What happens in the world while the next question is asked.
    pub(crate) fn meanwhile(&self, act: impl FnOnce() + Send + 'static) {
        self.lock().meanwhile = Some(Box::new(act));
    }

    /// From now on the person has no terminal to be shown things on.
    pub(crate) fn lose_terminal(&self) {
        self.lock().no_terminal = true;
    }

    /// What was asked so far; asking forgets it.
    pub(crate) fn questions(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().questions)
    }

    /// What was said so far, a line each; asking forgets it.
    pub(crate) fn talk(&self) -> String {
        std::mem::take(&mut self.lock().talk).join("\n")
    }

    /// What was awaited, and how long; asking forgets it.
    pub(crate) fn countdowns(&self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.lock().countdowns)
    }

    /// What would be said if a signal ended the process now.
    pub(crate) fn last_words(&self) -> Option<String> {
        self.lock().last_words.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the state")
    }

    fn ask(&self, question: &str, instead: &str) -> Result<String, PromptError> {
        let mut state = self.lock();
        if state.nobody {
            let (question, instead) = (question.to_owned(), instead.to_owned());
            return Err(PromptError::NoTerminal { question, reason: "nobody is there", instead });
        }
        state.questions.push(question.to_owned());
        let answer = state.answers.pop_front();
        let meanwhile = state.meanwhile.take();
        drop(state);
        meanwhile.into_iter().for_each(|act| act());
        Ok(answer.unwrap_or_else(|| panic!("nobody expected the question: {question}")))
    }
}

impl Prompt for ScriptedPrompt {
    fn secret(&self, question: &str, instead: &str) -> Result<SecretText, PromptError> {
        self.ask(question, instead).map(SecretText::from)
    }

    fn line(&self, question: &str, instead: &str) -> Result<String, PromptError> {
        self.ask(question, instead)
    }

    fn confirm(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        if std::mem::take(&mut self.lock().interrupts) {
            return Err(PromptError::Interrupted);
        }
        match self.ask(question, instead)?.as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => panic!("`{other}` answers no confirmation: {question}"),
        }
    }

    fn agree(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.confirm(question, instead)
    }

    fn choose(&self, question: &str, options: &[String], instead: &str) -> Result<usize, PromptError> {
        let answer = self.ask(question, instead)?;
        let place = options.iter().position(|option| *option == answer);
        Ok(place.unwrap_or_else(|| panic!("`{answer}` is none of the options: {question}")))
    }

    fn show(&self, question: &str, text: &str, instead: &str) -> Result<(), PromptError> {
        let mut state = self.lock();
        if state.nobody || state.no_terminal {
            let (question, instead) = (question.to_owned(), instead.to_owned());
            return Err(PromptError::NoTerminal { question, reason: "nobody is there", instead });
        }
        state.talk.push(text.to_owned());
        Ok(())
    }

    fn screen(&self) -> Result<Option<Screen>, PromptError> {
        Ok(None)
    }

    fn say(&self, line: &str) {
        self.lock().talk.push(line.to_owned());
    }

    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn()) {
        self.lock().countdowns.push((reason.to_owned(), left));
        wait();
    }

    fn last_words(&self, words: Option<String>) {
        self.lock().last_words = words;
    }

    fn may_ask(&self) -> bool {
        !self.lock().nobody
    }

    fn release_signals(&self) {}
}
