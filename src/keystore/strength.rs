//! An estimate of what a passphrase withstands: an upper bound without a dictionary, so that "weak" is certain and
//! silence promises nothing. Nothing is refused by it.

use zeroize::Zeroizing;

use crate::secret::SecretText;

/// Tried first by everybody, or near to one of these.
const COMMONEST: &str = "123456 password qwerty qwertz azerty abc123 letmein welcome monkey dragon football baseball \
    iloveyou admin root login master sunshine princess shadow superman batman trustno1 hello freedom whatever secret \
    changeme default test guest pass passwort passphrase passw0rd mfavault keystore keyring vault amazon aws correct \
    horse battery staple correcthorsebatterystaple summer winter spring autumn";
const ROWS: [&str; 6] =
    ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopü"];
/// A hundred years of 10,000 guesses a second.
const WANTED_BITS: f64 = 45.0;

/// Why a passphrase is weak, if it surely is; `names` are words that anybody would try, such as the user's name.
pub fn weakness(passphrase: &SecretText, names: &[&str]) -> Option<&'static str> {
    let text = Zeroizing::new(passphrase.expose().to_lowercase());
    let mut rest = text.clone();
    let mut words: Vec<String> = COMMONEST.split_whitespace().map(str::to_owned).collect();
    words.extend(names.iter().filter(|name| name.len() > 2).map(|name| name.to_lowercase()));
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        // A known word is worth about a letter of some large alphabet.
        rest = Zeroizing::new(rest.replace(&word, "\u{1}"));
    }
    let unknown = units(&rest);
    let classes = [
        (10.0, text.contains(|character: char| character.is_ascii_digit())),
        (26.0, text.contains(char::is_lowercase)),
        (26.0, passphrase.expose().contains(char::is_uppercase)),
        (33.0, text.contains(|character: char| !character.is_alphanumeric())),
        (100.0, text.contains(|character: char| !character.is_ascii())),
    ];
    let alphabet: f64 = classes.iter().filter(|(_, there)| *there).map(|(size, _)| size).sum();
    if unknown as f64 * alphabet.max(10.0).log2() >= WANTED_BITS {
        return None;
    }
    Some(match (rest != text, unknown * 2 <= rest.chars().count()) {
        (true, _) => "it is, or has little beside, a word that is tried first",
        (_, true) => "it is mostly repeats and sequences",
        _ => "it is short: five random words, or fourteen mixed characters, take years to guess",
    })
}

/// How many characters do not go on with a run: the same again, or up or down a row. Two alike are no run yet.
fn units(text: &str) -> usize {
    let neighbours = |one: char, other: char| {
        let follows = |row: &&str| {
            let place = |wanted| row.chars().position(|character| character == wanted);
            place(one).zip(place(other)).is_some_and(|(one, other)| one.abs_diff(other) == 1)
        };
        one == other || ROWS.iter().any(follows)
    };
    let pairs = || text.chars().zip(text.chars().skip(1)).map(|(one, other)| neighbours(one, other));
    let followers = pairs().zip(pairs().skip(1)).filter(|both| *both == (true, true)).count();
    text.chars().count() - followers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_or_short_or_repeats_is_weak_and_says_why() {
        for (passphrase, word) in [
            ("password", "tried first"),
            ("Password2026!", "tried first"),
            ("mfavault", "tried first"),
            ("alice1990", "tried first"),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "repeats"),
            ("abcdefghijklmnop", "repeats"),
            ("1234512345123451234512345", "repeats"),
            ("x", "short"),
            ("k4#Zp", "short"),
            ("83726415", "short"),
        ] {
            let why = weakness(&SecretText::from(passphrase), &["alice"]);
            assert!(why.is_some_and(|why| why.contains(word)), "{passphrase}: {why:?}");
        }
    }

    #[test]
    fn long_or_mixed_ones_are_let_pass() {
        for passphrase in ["orbit pencil quilt ravine", "k4#ZpQ9!vT2w", "tolles Müsli mit Zimt", "lhwxkzmqpvtr"] {
            assert_eq!(weakness(&SecretText::from(passphrase), &["alice", "", "i"]), None, "{passphrase}");
        }
    }
}
