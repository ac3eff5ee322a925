//! Lines for people, on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes one line to standard error, in one piece.
///
/// `eprintln!` panics where nobody reads any more (a closed pipe, a full disk, a log reader that
/// has died); no run ends because of its words.
pub(crate) fn say(line: impl Display) {
    // What tests say is kept from the terminal, as the test harness does it with printed lines.
    #[cfg(test)]
    eprintln!("{line}");
    #[cfg(not(test))]
    write(&mut io::stderr().lock(), line);
}

#[cfg_attr(test, allow(dead_code))]
fn write(target: &mut impl Write, line: impl Display) {
    let line = format!("{line}\n");
    // There is nobody left to tell that nobody listens.
    let _ = target.write_all(line.as_bytes());
    let _ = target.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that is gone.
    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_terminal_that_is_gone_is_no_reason_to_panic() {
        for kind in [
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::StorageFull,
            io::ErrorKind::WouldBlock,
        ] {
            write(&mut Gone(kind), "a line");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_and_a_closed_pipe_are_none_either() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        write(&mut full.expect("Linux has it"), "a line");
        let (reader, mut writer) = io::pipe().expect("a pipe");
        drop(reader);
        write(&mut writer, "a line");
    }

    #[test]
    fn a_line_is_written_whole_with_its_end() {
        let mut written = Vec::new();
        write(&mut written, format_args!("step {}", 7));
        assert_eq!(written, b"step 7\n");
    }
}
