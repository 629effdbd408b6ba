//! What a caller asks again and again.

use std::fmt;
use std::str::FromStr;

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// The value of a random key.
    Get,
    /// A value under a random key, without asking for the value before.
    Put,
    /// A get or a put, each as likely.
    Mixed,
    /// A batch of gets in one request.
    GetAll,
    /// A batch of puts in one request.
    PutAll,
}

/// A name that names no operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no operation; choose get, put, mixed, getall or putall")]
pub struct UnknownOperation {
    /// The name.
    pub name: String,
}

impl Operation {
    /// Each one.
    pub const ALL: [Operation; 5] = [
        Operation::Get,
        Operation::Put,
        Operation::Mixed,
        Operation::GetAll,
        Operation::PutAll,
    ];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Operation::Get => "get",
            Operation::Put => "put",
            Operation::Mixed => "mixed",
            Operation::GetAll => "getall",
            Operation::PutAll => "putall",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    /// `mix`, the name that other load tools use, is `mixed` too.
    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        if name == "mix" {
            return Ok(Operation::Mixed);
        }
        let found = Operation::ALL
            .into_iter()
            .find(|operation| operation.name() == name);
        found.ok_or_else(|| UnknownOperation {
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for operation in Operation::ALL {
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
        assert_eq!("mix".parse(), Ok(Operation::Mixed));
        let error = "incr".parse::<Operation>().unwrap_err();
        assert!(error.to_string().contains("choose get, put"), "{error}");
    }
}
