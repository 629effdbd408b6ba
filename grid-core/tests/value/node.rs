//! Random JSON trees, spelled in random ways.

use bigdecimal::BigDecimal;
use proptest::prelude::*;

/// A tree whose spelling is still open. Names in an object are distinct.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(String),
    Double(f64),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z@]{0,12}",
        proptest::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter),
        proptest::collection::vec(
            prop_oneof![
                Just('"'),
                Just('\\'),
                Just('/'),
                Just('\n'),
                Just('\u{1}'),
                Just('\u{7f}'),
                Just('é'),
                Just('😀'),
                Just('a')
            ],
            0..40
        )
        .prop_map(String::from_iter),
    ]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        (-1_000_000..1_000_000_i32, 0..4_i32)
            .prop_map(|(number, places)| f64::from(number) / 10_f64.powi(places)),
        (1..10_i32, -30..30_i32).prop_map(|(digit, power)| format!("{digit}e{power}").parse().unwrap()),
        // Of every second of these two texts are shortest.
        (1_i64 << 52..1_i64 << 53).prop_map(|quarters| quarters.to_string().parse::<f64>().unwrap() / 4.0),
    ]
    .prop_map(|number| if number == 0.0 { 0.0 } else { number })
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Bool),
        "-?[1-9][0-9]{0,30}|0".prop_map(Node::Int),
        double().prop_map(Node::Double),
        text().prop_map(Node::Text),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Node::Array),
            proptest::collection::btree_map(text(), inner, 0..6)
                .prop_map(|members| Node::Object(members.into_iter().collect())),
        ]
    })
}

/// Draws from a seed.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

impl Node {
    /// The canonical text, made in the simplest way with another library.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Node::Null => "null".to_owned(),
            Node::Bool(value) => value.to_string(),
            Node::Int(text) => text.clone(),
            Node::Double(number) => serde_json::to_string(number).unwrap().replace("e+", "e"),
            Node::Text(text) => serde_json::to_string(text).unwrap(),
            Node::Array(elements) => {
                format!(
                    "[{}]",
                    elements.iter().map(Node::canonical).collect::<Vec<_>>().join(",")
                )
            }
            Node::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
                let members = sorted.iter().map(|(name, value)| {
                    format!("{}:{}", serde_json::to_string(name).unwrap(), value.canonical())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// One of the many texts that mean this tree.
    pub(crate) fn spell(&self, draw: &mut Draw) -> String {
        let value = match self {
            Node::Null | Node::Bool(_) | Node::Int(_) => self.canonical(),
            Node::Double(number) => spell_double(*number, draw),
            Node::Text(text) => spell_text(text, draw),
            Node::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|element| element.spell(draw)).collect();
                format!("[{}{}]", space(draw), elements.join(","))
            }
            Node::Object(members) => {
                let mut members = members.clone();
                for last in (1..members.len()).rev() {
                    members.swap(last, draw.below(last + 1));
                }
                let mut spelled = Vec::new();
                for (name, value) in &members {
                    if draw.below(8) == 0 {
                        // The same name comes again later, and then counts.
                        spelled.push(format!("{}:[]", spell_text(name, draw)));
                    }
                    let name = spell_text(name, draw);
                    spelled.push(format!(
                        "{}{name}{}:{}",
                        space(draw),
                        space(draw),
                        value.spell(draw)
                    ));
                }
                format!("{{{}{}}}", space(draw), spelled.join(","))
            }
        };
        format!("{}{value}{}", space(draw), space(draw))
    }
}

fn space(draw: &mut Draw) -> &'static str {
    ["", "", "", " ", "\n\t", "\r\n  "][draw.below(6)]
}

fn spell_text(text: &str, draw: &mut Draw) -> String {
    let mut spelled = String::from("\"");
    for character in text.chars() {
        let must = matches!(character, '"' | '\\' | '\0'..='\u{1f}');
        if character == '/' && draw.below(2) == 0 {
            spelled.push_str("\\/");
        } else if must || draw.below(4) == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let escape = if draw.below(2) == 0 {
                    format!("\\u{unit:04x}")
                } else {
                    format!("\\u{unit:04X}")
                };
                spelled.push_str(&escape);
            }
        } else {
            spelled.push(character);
        }
    }
    spelled.push('"');
    spelled
}

/// Spells the shortest text of a double in some way. Of some doubles two texts are shortest; the even one is taken, as
/// Python and JavaScript do (Rust's own formatting takes the other). The odd one is kept as a decimal.
fn spell_double(number: f64, draw: &mut Draw) -> String {
    let shortest: BigDecimal = serde_json::to_string(&number).unwrap().parse().unwrap();
    let (unscaled, scale) = shortest.normalized().into_bigint_and_exponent();
    let exponent_of_unit = -i32::try_from(scale).unwrap();
    let (sign, digits) = (
        if number < 0.0 { "-" } else { "" },
        unscaled.magnitude().to_string(),
    );
    let (first, rest) = digits.split_at(1);
    let places = i32::try_from(rest.len()).unwrap();
    let exponent = exponent_of_unit + places;
    let point = if rest.is_empty() { "" } else { "." };
    match draw.below(3) {
        0 => format!("{sign}{first}{point}{rest}E{exponent:+04}"),
        1 => format!("{sign}{first}.{rest}000e{exponent}"),
        _ if number == 0.0 => "-0.00E+5".to_owned(),
        _ => format!("{sign}{digits}e{exponent_of_unit}"),
    }
}
