//! What a statement changes of a packet, of all that rules ask.

use super::statement::Statement;
use crate::netfilter::{Action, Marking, Match, Test};

/// What may have changed since a condition was asked. The model has a rule
/// for each thing that a rule of nft does, with the conditions before it: on
/// the next one, what was asked cannot be asked again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    mark: bool,
    connection_mark: bool,
    connection: bool,
}

impl Changes {
    /// What a statement may change, where the packet then goes on.
    pub(super) fn of(statement: &Statement) -> Self {
        let none = Self::default();
        match statement {
            Statement::Jump(_) => {
                Self { mark: true, connection_mark: true, connection: true }
            }
            Statement::Decides(Action::Mark(marking)) => match marking {
                Marking::Packet(_) | Marking::Restore { .. } => {
                    Self { mark: true, ..none }
                }
                Marking::Connection(_) | Marking::Save { .. } => {
                    Self { connection_mark: true, ..none }
                }
                Marking::Unknown => {
                    Self { mark: true, connection_mark: true, ..none }
                }
            },
            Statement::Decides(Action::NoTrack | Action::Zone) => {
                Self { connection_mark: true, connection: true, ..none }
            }
            _ => none,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            mark: self.mark || other.mark,
            connection_mark: self.connection_mark || other.connection_mark,
            connection: self.connection || other.connection,
        }
    }

    /// Makes a doubt of each condition that may not be as it was.
    pub(super) fn outdate(self, matches: &mut [Match]) {
        for one in matches.iter_mut().filter(|one| self.touch(&one.test)) {
            *one = Match::new(Test::Undecided);
        }
    }

    fn touch(self, test: &Test) -> bool {
        match test {
            Test::Mark { .. } => self.mark,
            Test::ConnectionMark { .. } => self.connection_mark,
            Test::State(_) | Test::Connection { .. } => self.connection,
            Test::Either(lists) => {
                lists.iter().flatten().any(|one| self.touch(&one.test))
            }
            _ => false,
        }
    }
}
