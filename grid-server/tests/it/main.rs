//! Tests of the server and of the real `grid` program.

mod cache_commands;
mod http_edge;
mod process;
mod serve_command;
