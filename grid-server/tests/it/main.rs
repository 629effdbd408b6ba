//! Tests of the server and of the real `grid` program.

#[cfg(test)]
mod cache_commands;
#[cfg(test)]
mod http_edge;
#[cfg(test)]
mod http_view;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod process;
#[cfg(test)]
mod serve_command;
