//! The store of one partition.
mod time;
pub use time::*;
use crate::value::Binary;
#[derive(Clone, Debug)]
pub enum Command { Put{value:Binary,ttl:TimeToLive}, PutIfAbsent{value:Binary,ttl:TimeToLive}, Replace{value:Binary}, ReplaceIfEqual{previous:Binary,value:Binary}, Remove, RemoveIfEqual{previous:Binary} }
#[derive(Clone, Debug, thiserror::Error)]
#[error("x")]
pub struct CookieError;
