//! The language that Python's pickles are written in, as far as state dicts go. It is read, never
//! run.
//!
//! A pickle is a program for a machine with a stack: it names functions of Python's and calls them.
//! Here a call is a [`Value`] that says which function had which arguments, and nothing comes of it.
//! Values lie in one list and name each other by their places, so that what is nested without end, or
//! holds itself, costs its own length and no more: nothing here recurses.
//!
//! <https://docs.python.org/3/library/pickletools.html> describes the instructions.

use std::collections::HashMap;

/// More values than this are no state dict's: each tensor takes a dozen.
const VALUES: usize = 1 << 20;

/// The place of a value in its [`Pickle`].
pub(super) type Id = usize;

/// What a pickle is made of.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Truth(bool),
    Integer(i64),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Keys and values, in the order in which they were set.
    Dict(Vec<(Id, Id)>),
    /// A function or class: its module and name.
    Global(&'a str, &'a str),
    /// What stands outside the pickle, by what identifies it there.
    Outside(Id),
    /// A call of the first with the second.
    Call(Id, Id),
    /// What no tensor is made of: numbers with a point, bytes, sets, None.
    Other,
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    /// What it is a pickle of.
    pub(super) root: Id,
    /// How many bytes it took.
    pub(super) length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that `bytes` begin with.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        while machine.step()? {}
        Ok(Self {
            root: machine.pop()?,
            values: machine.values,
            length: machine.at,
        })
    }

    pub(super) fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }

    pub(super) fn values(&self) -> &[Value<'a>] {
        &self.values
    }

    /// The value of a whole number at `id`.
    pub(super) fn integer(&self, id: Id) -> Option<i64> {
        match self.values[id] {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match self.values[id] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, id: Id) -> Option<&[Id]> {
        match &self.values[id] {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Lengths or steps: a tuple of whole numbers that are not negative.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        self.tuple(id)?
            .iter()
            .map(|item| usize::try_from(self.integer(*item)?).ok())
            .collect()
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// How high the stack was at each mark that no instruction has taken yet.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    /// One instruction; `false` at the last.
    fn step(&mut self) -> Result<bool, String> {
        let code = self.take(1)?[0];
        match code {
            // PROTO, FRAME
            0x80 => match self.take(1)?[0] {
                version @ 6.. => return Err(format!("is a pickle of protocol {version}")),
                _ => return Ok(true),
            },
            0x95 => {
                self.take(8)?;
            }
            // STOP
            b'.' => return Ok(false),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.until_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            // NONE, EMPTY_SET, NEWTRUE, NEWFALSE
            b'N' | 0x8f => self.push(Value::Other)?,
            0x88 | 0x89 => self.push(Value::Truth(code == 0x88))?,
            // BINFLOAT
            b'G' => {
                self.take(8)?;
                self.push(Value::Other)?;
            }
            b'K' => {
                let value = self.take(1)?[0];
                self.push(Value::Integer(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Integer(value.into()))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Integer(value.into()))?;
            }
            // LONG1
            0x8a => {
                let length = self.take(1)?[0].into();
                let bytes = self.take(length)?;
                self.push(long(bytes))?;
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, SHORT_BINSTRING, BINSTRING
            b'X' | 0x8c | 0x8d | b'U' | b'T' => {
                let length = match code {
                    b'X' | b'T' => u32::from_le_bytes(self.array()?).into(),
                    0x8d => u64::from_le_bytes(self.array()?),
                    _ => self.take(1)?[0].into(),
                };
                let text = std::str::from_utf8(self.take_long(length)?);
                self.push(text.map_or(Value::Other, Value::Text))?;
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' | b'B' | 0x8e | 0x96 => {
                let length = match code {
                    b'C' => self.take(1)?[0].into(),
                    b'B' => u32::from_le_bytes(self.array()?).into(),
                    _ => u64::from_le_bytes(self.array()?),
                };
                self.take_long(length)?;
                self.push(Value::Other)?;
            }
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.push(Value::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.push(Value::Tuple(items))?;
            }
            b't' => {
                let items = self.until_mark()?;
                self.push(Value::Tuple(items))?;
            }
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.until_mark()?;
                self.push(Value::List(items))?;
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.until_mark()?;
                self.append(items)?;
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let items = pairs(&self.until_mark()?)?;
                self.push(Value::Dict(items))?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set(&items)?;
            }
            b'u' => {
                let items = self.until_mark()?;
                self.set(&items)?;
            }
            // ADDITEMS, FROZENSET
            0x90 => {
                self.until_mark()?;
                self.top()?;
            }
            0x91 => {
                self.until_mark()?;
                self.push(Value::Other)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' | b'r' | 0x94 => {
                let place = match code {
                    b'q' => self.take(1)?[0].into(),
                    b'r' => u32::from_le_bytes(self.array()?).into(),
                    _ => self.memo.len() as u64,
                };
                let top = self.top()?;
                self.memo.insert(place, top);
            }
            b'h' | b'j' => {
                let place = match code {
                    b'h' => self.take(1)?[0].into(),
                    _ => u32::from_le_bytes(self.array()?).into(),
                };
                let kept = self.memo.get(&place);
                let kept = *kept.ok_or("asks for what it has not kept")?;
                self.stack.push(kept);
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(module, name))?;
            }
            0x93 => {
                let names = self.pop_many(2)?;
                let name = |id: Id| match self.values[id] {
                    Value::Text(text) => Ok(text),
                    _ => Err("names a function by what is no text"),
                };
                let global = Value::Global(name(names[0])?, name(names[1])?);
                self.push(global)?;
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Outside(id))?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let called = self.pop_many(2)?;
                let made = self.called(called[0], called[1])?;
                self.push(made)?;
            }
            // NEWOBJ_EX
            0x92 => {
                let called = self.pop_many(3)?;
                self.push(Value::Call(called[0], called[1]))?;
            }
            // BUILD: attributes, which no tensor and no dict has.
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            other => {
                return Err(format!(
                    "has the pickle instruction 0x{other:02x}, which state dicts are stored without"
                ));
            }
        }
        Ok(true)
    }

    /// What a call makes: an ordered dict is a dict, nothing else comes of a call.
    fn called(&self, function: Id, arguments: Id) -> Result<Value<'a>, String> {
        if !matches!(
            self.values[function],
            Value::Global("collections", "OrderedDict")
        ) {
            return Ok(Value::Call(function, arguments));
        }
        let strange = || "makes an ordered dict of what are no pairs".to_owned();
        let tuple = |id: Id| match &self.values[id] {
            Value::Tuple(items) | Value::List(items) => Some(items.as_slice()),
            _ => None,
        };
        let arguments = tuple(arguments).ok_or_else(strange)?;
        let Some(list) = arguments.first() else {
            return Ok(Value::Dict(Vec::new()));
        };
        let items = tuple(*list).ok_or_else(strange)?.iter();
        let pair = |item: &Id| match tuple(*item) {
            Some(&[key, value]) => Ok((key, value)),
            _ => Err(strange()),
        };
        Ok(Value::Dict(items.map(pair).collect::<Result<_, _>>()?))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(list) => list.extend(items),
            // An object of a class that is like a list.
            Value::Call(..) => {}
            _ => return Err("appends to what is no list".to_owned()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let items = pairs(items)?;
        let top = self.top()?;
        match &mut self.values[top] {
            Value::Dict(dict) => dict.extend(items),
            Value::Call(..) => {}
            _ => return Err("sets items of what is no dict".to_owned()),
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let taken = self.bytes[self.at..].get(..length);
        let taken = taken.ok_or("is cut short")?;
        self.at += length;
        Ok(taken)
    }

    fn take_long(&mut self, length: u64) -> Result<&'a [u8], String> {
        self.take(usize::try_from(length).map_err(|_| "is cut short")?)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("so many bytes were taken"))
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.ok_or("is cut short")?)?;
        self.at += 1;
        std::str::from_utf8(line).map_err(|_| "has a name that is no text".to_owned())
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), String> {
        if self.values.len() == VALUES {
            return Err(format!("is a pickle of more than {VALUES} values"));
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    /// The lowest place of the stack that may be taken: what is below a mark stays.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, String> {
        let top = self.stack[self.floor()..].last();
        top.copied()
            .ok_or_else(|| "takes more than it has".to_owned())
    }

    fn pop(&mut self) -> Result<Id, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, String> {
        let from = self.stack.len().checked_sub(count);
        let from = from.filter(|from| *from >= self.floor());
        let from = from.ok_or("takes more than it has")?;
        Ok(self.stack.split_off(from))
    }

    fn until_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("goes back to a mark that is none")?;
        Ok(self.stack.split_off(mark))
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, String> {
    let (pairs, rest) = items.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => Err("has a key without a value".to_owned()),
    }
}

/// A whole number of so many bytes.
fn long<'a>(bytes: &[u8]) -> Value<'a> {
    if bytes.len() > 8 {
        return Value::Other;
    }
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        Pickle::read(bytes).expect_err("no pickle").clone()
    }

    #[test]
    fn numbers_texts_and_collections_are_what_python_writes() {
        // pickle.dumps({'a': (1, -2, 70000, -2**40), 'b': [None, 1.5, 'ü']}, 2)
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01(K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\
                      \x8a\x06\x00\x00\x00\x00\x00\xfftq\x02X\x01\x00\x00\x00bq\x03]q\x04(N\
                      G?\xf8\x00\x00\x00\x00\x00\x00X\x02\x00\x00\x00\xc3\xbcq\x05eu.rest";
        let pickle = Pickle::read(bytes).expect("a pickle");
        assert_eq!(pickle.length, bytes.len() - 4);
        let Value::Dict(items) = pickle.get(pickle.root) else {
            panic!("no dict");
        };
        let (a, b) = (items[0], items[1]);
        assert_eq!((pickle.text(a.0), pickle.text(b.0)), (Some("a"), Some("b")));
        let numbers: Vec<_> = pickle.tuple(a.1).expect("a tuple").to_vec();
        let numbers: Vec<_> = numbers.iter().map(|id| pickle.integer(*id)).collect();
        assert_eq!(
            numbers,
            [Some(1), Some(-2), Some(70_000), Some(-(1_i64 << 40))]
        );
        assert_eq!(pickle.sizes(a.1), None, "negative");
        let Value::List(list) = pickle.get(b.1) else {
            panic!("no list");
        };
        assert_eq!(pickle.text(list[2]), Some("ü"));
    }

    #[test]
    fn a_call_is_noted_and_never_made() {
        // pickle.dumps of an object whose __reduce__ is (os.system, ('echo', ))
        let pickle = Pickle::read(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R.");
        let pickle = pickle.expect("a pickle");
        let Value::Call(function, _) = pickle.get(pickle.root) else {
            panic!("no call");
        };
        assert!(matches!(
            pickle.get(*function),
            Value::Global("posix", "system")
        ));
    }

    #[test]
    fn what_doubles_or_holds_itself_costs_its_length() {
        // A tuple of the last tuple twice, 10,000 times; and as deep as it is long.
        let mut bytes = b"\x80\x02)".to_vec();
        for _ in 0..10_000 {
            bytes.extend(b"2\x86");
        }
        bytes.push(b'.');
        assert!(Pickle::read(&bytes).expect("a pickle").values().len() < 20_000);
        let pickle = Pickle::read(b"]q\x00h\x00a.").expect("a list of itself");
        assert!(matches!(pickle.get(pickle.root), Value::List(items) if items.len() == 1));
        let mut bytes = vec![b')'; VALUES];
        bytes.push(b'.');
        assert!(Pickle::read(&bytes).is_ok());
        bytes.insert(0, b')');
        assert!(problem(&bytes).contains("more than 1048576 values"));
    }

    #[test]
    fn programs_that_make_no_sense_are_refused() {
        for (bytes, words) in [
            (&b""[..], "cut short"),
            (b"K\x01", "cut short"),
            (b"X\xff\xff\xff\xffabc", "cut short"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "cut short"),
            (b"cposix\nsystem", "cut short"),
            (b".", "takes more than it has"),
            (b"K\x01(0.", "takes more than it has"),
            (b"K\x01(K\x02\x86.", "takes more than it has"),
            (b"t.", "goes back to a mark"),
            (b"h\x07.", "has not kept"),
            (b"}K\x01a.", "no list"),
            (b"]K\x01K\x02s.", "no dict"),
            (b"}(K\x01u.", "key without a value"),
            (b"K\x01K\x02\x93.", "no text"),
            (b"\x80\x06N.", "protocol 6"),
            (b"\xfe.", "0xfe"),
            (b"ccollections\nOrderedDict\nK\x01\x85R.", "no pairs"),
        ] {
            let problem = problem(bytes);
            assert!(
                problem.contains(words),
                "{}: {problem}",
                bytes.escape_ascii()
            );
        }
    }
}
