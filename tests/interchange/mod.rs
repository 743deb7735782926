//! The files of other authenticators: as their own programs or other hands wrote them, and such that mean harm.

mod encrypted;
mod hostile;
mod open_formats;
