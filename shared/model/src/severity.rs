use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad it is: P1 wakes someone now, P4 goes into a digest. Ordered: P1 is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Platform-wide, or the objective of many tenants is breached now.
    P1,
    /// Many applications at risk, or a critical one down.
    P2,
    /// One application or instance degraded.
    P3,
    /// Hygiene, notice, prediction: never pages.
    P4,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// As it is written: `P1` … `P4`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::P1 => 4,
            Self::P2 => 3,
            Self::P3 => 2,
            Self::P4 => 1,
        }
    }
}

impl PartialOrd for Severity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Severity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who has to act: the tenant whose workload it is, the team that runs the platform, or the cloud provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The tenant.
    User,
    /// The platform team.
    Platform,
    /// The cloud provider.
    Cloud,
}

impl Owner {
    /// As it is written: `user`, `platform`, `cloud`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Platform => "platform",
            Self::Cloud => "cloud",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_is_the_worst() {
        assert!(Severity::P1 > Severity::P2 && Severity::P3 > Severity::P4);
        assert_eq!(Severity::ALL.iter().max(), Some(&Severity::P1));
    }

    #[test]
    fn they_are_written_as_the_field_writes_them() {
        assert_eq!(serde_json::to_string(&(Severity::P2, Owner::User)).unwrap(), r#"["P2","user"]"#);
    }
}
