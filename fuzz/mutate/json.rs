//! Mutations of a JSON text by its tokens, so that most results are JSON still, and some are what no
//! JSON value could hold: a key twice, numbers out of range, nesting without end.

use crate::random::Random;

/// What stands in a value's place.
const VALUES: [&str; 48] = [
    "0",
    "-0.0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "64",
    "0.5",
    "1.5",
    "-0.5",
    "0.999",
    "1e-300",
    "5e-324",
    "1e-8",
    "1e8",
    "1e18",
    "1e300",
    "1.7e308",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1000000",
    "65536",
    "null",
    "true",
    "false",
    "\"\"",
    "\"x\"",
    "\"NaN\"",
    "\"inf\"",
    "\"-1\"",
    "[]",
    "{}",
    "[0]",
    "[[]]",
    "\"\\u001b[2J\\u0007\"",
    "\"\\u0000\"",
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    /// Numbers, `true`, `null`, and what is none of them.
    Word,
    Open,
    Close,
    Colon,
    Comma,
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        let kind = match text[at] {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'{' | b'[' => Kind::Open,
            b'}' | b']' => Kind::Close,
            b':' => Kind::Colon,
            b',' => Kind::Comma,
            b'"' => Kind::Text,
            _ => Kind::Word,
        };
        at += 1;
        match kind {
            Kind::Text => {
                while at < text.len() && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(text.len());
            }
            Kind::Word => {
                while at < text.len() && !b" \n\r\t{}[]:,\"".contains(&text[at]) {
                    at += 1;
                }
            }
            _ => {}
        }
        found.push(Token {
            kind,
            start,
            end: at,
        });
    }
    found
}

/// The parts of a text that can be changed.
struct Parts {
    /// Keys.
    keys: Vec<(usize, usize)>,
    /// Whole values, those within others too.
    values: Vec<(usize, usize)>,
    /// Key, colon and value.
    members: Vec<(usize, usize)>,
    /// Just behind each opening brace of an object.
    objects: Vec<usize>,
}

fn parts(text: &[u8]) -> Parts {
    let tokens = tokens(text);
    let ends = value_ends(&tokens);
    let mut parts = Parts {
        keys: Vec::new(),
        values: Vec::new(),
        members: Vec::new(),
        objects: Vec::new(),
    };
    for (index, token) in tokens.iter().enumerate() {
        let before_colon = tokens
            .get(index + 1)
            .is_some_and(|next| next.kind == Kind::Colon);
        match token.kind {
            Kind::Text if before_colon => {
                parts.keys.push((token.start, token.end));
                if let Some(Some(end)) = ends.get(index + 2) {
                    parts.members.push((token.start, *end));
                }
            }
            Kind::Text | Kind::Word | Kind::Open => {
                if let Some(end) = ends[index] {
                    parts.values.push((token.start, end));
                }
                if text[token.start] == b'{' {
                    parts.objects.push(token.end);
                }
            }
            _ => {}
        }
    }
    parts
}

/// Where the value ends that starts at each token; `None` where none does, or its end is missing.
fn value_ends(tokens: &[Token]) -> Vec<Option<usize>> {
    let mut ends = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Text | Kind::Word => ends[index] = Some(token.end),
            Kind::Open => open.push(index),
            Kind::Close => {
                if let Some(start) = open.pop() {
                    ends[start] = Some(token.end);
                }
            }
            Kind::Colon | Kind::Comma => {}
        }
    }
    ends
}

/// One mutation.
pub fn mutate(random: &mut Random, text: &mut Vec<u8>) {
    let parts = parts(text);
    let any = |random: &mut Random, of: &[(usize, usize)]| of[random.below(of.len())];
    match random.below(10) {
        0..=3 if !parts.values.is_empty() => {
            let (start, end) = any(random, &parts.values);
            text.splice(start..end, random.pick(&VALUES).bytes());
        }
        4 if !parts.keys.is_empty() => {
            let (start, end) = any(random, &parts.keys);
            let mut key = text[start..end].to_vec();
            let inside = 1 + random.below(key.len().saturating_sub(2));
            match random.below(4) {
                0 if key.len() > 2 => drop(key.remove(inside)),
                1 => key.insert(inside, b'x'),
                2 => {
                    let (start, end) = any(random, &parts.keys);
                    key = text[start..end].to_vec();
                }
                _ => key = b"\"\\u001b[31mred\"".to_vec(),
            }
            text.splice(start..end, key);
        }
        5 if !parts.members.is_empty() => {
            // Twice, with or without another value.
            let (start, end) = any(random, &parts.members);
            let mut member = text[start..end].to_vec();
            if random.one_in(2) {
                mutate(random, &mut member);
            }
            member.push(b',');
            text.splice(start..start, member);
        }
        6 if !parts.members.is_empty() => {
            let (start, mut end) = any(random, &parts.members);
            if text.get(end) == Some(&b',') {
                end += 1;
            }
            text.drain(start..end);
        }
        7 if !parts.values.is_empty() => {
            let (start, end) = any(random, &parts.values);
            let depth = [1, 2, 20, 127, 128, 1_000, 20_000][random.below(7)];
            let (open, close) = *random.pick(&[&("[", "]"), &("{\"a\":", "}")]);
            let value = [
                open.repeat(depth).into_bytes(),
                text[start..end].to_vec(),
                close.repeat(depth).into_bytes(),
            ];
            text.splice(start..end, value.concat());
        }
        8 if parts.values.len() > 1 => {
            let from = any(random, &parts.values);
            let value = text[from.0..from.1].to_vec();
            let (start, end) = any(random, &parts.values);
            text.splice(start..end, value);
        }
        _ if !parts.objects.is_empty() => {
            let place = parts.objects[random.below(parts.objects.len())];
            let value = random.pick(&VALUES);
            let member = format!("\"unknown\":{value},");
            text.splice(place..place, member.into_bytes());
        }
        _ => text.extend(random.pick(&VALUES).bytes()),
    }
}
