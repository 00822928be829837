//! What a caller may do: each role may do what the one before may.

use std::fmt;
use std::str::FromStr;

/// A role, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads forecasts, features, models and status.
    Reader,
    /// Checks the journal, makes forecasts again, lets the server look at the registry.
    Operator,
    /// Changes what answers and what is followed.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Operator, Self::Admin];

    /// Its name in files and claims.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The strongest of some names; names of other systems' roles are passed over.
    #[must_use]
    pub fn strongest<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        names.filter_map(|name| name.parse().ok()).max()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no role's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("role {0:?} is not known; use reader, operator or admin")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| UnknownRole(crate::reason::shorten(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_known_role_counts() {
        assert!(Role::Reader < Role::Operator && Role::Operator < Role::Admin);
        assert_eq!(Role::strongest(["reader", "admin", "root"].into_iter()), Some(Role::Admin));
        assert_eq!(Role::strongest(["Admin", "root", ""].into_iter()), None);
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
    }
}
