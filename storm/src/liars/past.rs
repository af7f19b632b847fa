//! The positions that a registry said: the present one, and the one before the last change.

use eyesonly_gate::registry::Answer;

/// The last two positions that differ, each as it was said.
#[derive(Default)]
pub struct Past {
    now: Option<Answer>,
    before: Option<Answer>,
}

impl Past {
    /// Keeps an answer. Returns the one from before the last change of position.
    pub fn after(&mut self, answer: &Answer) -> Option<Answer> {
        if self.now.as_ref().is_some_and(|now| now.position != answer.position) {
            self.before = self.now.take();
        }
        self.now = Some(answer.clone());
        self.before.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_gate::registry::{Nonce, Position};

    #[test]
    fn the_position_before_the_last_change_is_remembered() {
        let mut past = Past::default();
        let mut after = |nonce: u8, rights: u64| {
            let echo = Some(Nonce::from_bytes([nonce; 16]));
            let said = past.after(&Answer {
                echo,
                records: Vec::new(),
                position: Position::new(0, rights, 0),
            });
            said.map(|said| (said.echo.unwrap().as_bytes()[0], said.position.rights.number))
        };
        assert_eq!(after(1, 5), None);
        assert_eq!(after(2, 5), None);
        assert_eq!(after(3, 6), Some((2, 5)));
        assert_eq!(after(4, 6), Some((2, 5)));
        assert_eq!(after(5, 7), Some((4, 6)));
    }
}
