//! Statements of the query language from a stream of bytes.

use crate::source::Source;

const WORDS: [&str; 104] = [
    "select",
    "from",
    "where",
    "group",
    "by",
    "order",
    "asc",
    "desc",
    "distinct",
    "as",
    "and",
    "or",
    "xor",
    "not",
    "in",
    "is",
    "like",
    "ilike",
    "between",
    "contains",
    "all",
    "any",
    "escape",
    "null",
    "true",
    "empty",
    "a",
    "b",
    "n",
    "s",
    "o.a",
    "tags",
    "p",
    "`x y`",
    "key()",
    "value()",
    "count(*)",
    "count()",
    "sum(",
    "avg(a)",
    "min(n)",
    "max(s)",
    "bigdecimal(",
    "length()",
    "s.substring(0, 1)",
    "'str'",
    "\"s\"",
    "5",
    "10L",
    "1.5",
    "2m",
    "3d",
    "1e400",
    "9999999999999999999999",
    "?1",
    "?2",
    "?9",
    ":n",
    ":",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    ";",
    "=",
    "==",
    "<>",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "^^",
    "*",
    "-",
    "+",
    "/",
    "explain",
    "plan",
    "for",
    "show",
    "trace",
    "people",
    "having",
    "limit",
    "insert",
    "é",
    "😀",
    "'",
    "`",
    "\u{0}",
    "false",
    "tags[0]",
    "{}",
    "top(3, a)",
    "new",
    "script(",
    "@",
    "#",
];

const COMPARISONS: [&str; 12] = [
    " = ",
    " <> ",
    " < ",
    " <= ",
    " > ",
    " >= ",
    " like ",
    " ilike ",
    " contains ",
    " in ",
    " is ",
    " contains any ",
];

const OPERANDS: [&str; 24] = [
    "a",
    "b",
    "n",
    "s",
    "tags",
    "o.a",
    "key()",
    "value()",
    "s.length()",
    "n.intValue()",
    "1",
    "-2.5",
    "10L",
    "0.10m",
    "'a%'",
    "null",
    "true",
    "?1",
    ":n",
    "(1, 2)",
    "['x', null]",
    "p.a",
    "tags.size()",
    "s.substring(0, 1)",
];

const AGGREGATES: [&str; 9] = [
    "count()", "count(*)", "sum(n)", "avg(n)", "min(n)", "max(s)", "key()", "value()", "sum(o.a)",
];

/// A statement, or something near one.
pub(crate) fn statement(source: &mut Source<'_>) -> String {
    let mut out = String::new();
    match source.below(4) {
        0 => {
            let begin = source.pick(&[
                "",
                "select ",
                "select a from c where ",
                "select a, count() from c where a ",
            ]);
            out.push_str(begin);
            for _ in 0..source.below(40) {
                out.push_str(source.pick(&WORDS));
                out.push_str(source.pick(&[" ", " ", ""]));
            }
        }
        _ => select(source, &mut out),
    }
    if source.once_in(8) {
        let at = source.below(out.len().max(1));
        let at = (at..=out.len()).find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        match source.below(3) {
            0 => out.truncate(at),
            1 => out.insert_str(at, source.pick(&WORDS)),
            _ => out.insert(at, char::from(source.byte())),
        }
    }
    out
}

fn select(source: &mut Source<'_>, out: &mut String) {
    out.push_str(source.pick(&["", "", "", "explain plan for ", "trace ", "show plan "]));
    out.push_str(source.pick(&["select ", "select ", "select distinct "]));
    let aggregates = source.below(2) == 1;
    match source.below(8) {
        0 => out.push('*'),
        _ => list(source, out, |source, out| {
            if aggregates && source.below(2) == 1 {
                out.push_str(source.pick(&AGGREGATES));
            } else {
                out.push_str(source.pick(&OPERANDS));
            }
        }),
    }
    out.push_str(source.pick(&[" from people", " from 'people' p", " from people as p"]));
    if source.below(4) > 0 {
        out.push_str(" where ");
        condition(source, 0, out);
    }
    if aggregates && source.below(2) == 1 {
        out.push_str(" group by ");
        list(source, out, |source, out| out.push_str(source.pick(&OPERANDS)));
    }
    if source.below(2) == 1 {
        out.push_str(" order by ");
        list(source, out, |source, out| {
            out.push_str(if aggregates {
                source.pick(&AGGREGATES)
            } else {
                source.pick(&OPERANDS)
            });
            out.push_str(source.pick(&["", " desc", " asc"]));
        });
    }
}

fn list(source: &mut Source<'_>, out: &mut String, mut one: impl FnMut(&mut Source<'_>, &mut String)) {
    one(source, out);
    for _ in 0..source.count() {
        if source.is_over() {
            break;
        }
        out.push_str(", ");
        one(source, out);
    }
}

fn condition(source: &mut Source<'_>, depth: usize, out: &mut String) {
    if depth > 6 || source.is_over() {
        out.push_str("n > 1");
        return;
    }
    match source.below(10) {
        0 | 1 => {
            condition(source, depth + 1, out);
            for _ in 0..source.count() {
                out.push_str(source.pick(&[" and ", " or ", " xor ", " && ", " || "]));
                condition(source, depth + 1, out);
                if source.is_over() {
                    break;
                }
            }
        }
        2 => {
            let levels = if source.once_in(16) { source.below(130) } else { 1 };
            let (before, after) = [("(", ")"), ("not (", ")"), ("[", "]")][source.below(3)];
            out.push_str(&before.repeat(levels));
            condition(source, depth + 1, out);
            out.push_str(&after.repeat(levels));
        }
        3 => {
            out.push_str(source.pick(&OPERANDS));
            out.push_str(source.pick(&[" between ", " not between "]));
            out.push_str(source.pick(&OPERANDS));
            out.push_str(" and ");
            out.push_str(source.pick(&OPERANDS));
        }
        4 => {
            out.push_str(source.pick(&OPERANDS));
            out.push_str(source.pick(&[
                " is null",
                " is not null",
                " is empty",
                " is not empty",
                " like 'a!%' escape '!'",
            ]));
        }
        _ => {
            out.push_str(source.pick(&OPERANDS));
            out.push_str(source.pick(&COMPARISONS));
            out.push_str(source.pick(&OPERANDS));
        }
    }
}
