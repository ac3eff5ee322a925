//! MNIST from the network: burn's dataset crate fetches the bytes, our own reader judges them.

use std::any::Any;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use burn_dataset::network::downloader::download_file_as_bytes;

use super::idx::IdxArray;
use super::mnist::{TEST_FILES, TRAIN_FILES, find};
use crate::error::{Error, Result};

/// The folder on the network that [`download_mnist`] fetches from: the CVDF mirror of MNIST.
pub const MNIST_URL: &str = "https://storage.googleapis.com/cvdf-datasets/mnist/";

/// Gives the bytes at an address, or why they did not come; the second text names the file to
/// people.
type Fetch<'a> = dyn Fn(&str, &str) -> Result<Vec<u8>, String> + 'a;

/// Makes sure that MNIST's four files are in the folder `dir`, and downloads those that are not
/// (about 11 MB in all, from [`MNIST_URL`]).
///
/// A file that is there, plain or with `.gz`, is left as it is. Each new file is read through
/// before it takes its final name, so that an interrupted download leaves no broken file behind.
/// A progress bar is shown on standard error.
///
/// ```no_run
/// use burn_gan::data::{Mnist, download_mnist};
///
/// download_mnist("data/mnist")?;
/// let digits = Mnist::train("data/mnist")?;
/// assert_eq!(digits.len(), 60_000);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// # Errors
/// If the folder or a file can't be written, if the download fails, or if what came is no IDX
/// file.
///
/// # Panics
/// burn's downloader panics where it fails. That panic is caught and returned as an error (its
/// message still appears on standard error) unless the program is built with `panic = "abort"`.
/// It must not be called from within a tokio runtime: that, too, is an error.
pub fn download_mnist(dir: impl AsRef<Path>) -> Result<()> {
    ensure_files(dir.as_ref(), &fetch)
}

/// [`download_mnist`] with another way to fetch, so that tests need no network.
fn ensure_files(dir: &Path, fetch: &Fetch<'_>) -> Result<()> {
    fs::create_dir_all(dir).map_err(|source| Error::io(dir, source))?;
    for name in TRAIN_FILES.into_iter().chain(TEST_FILES) {
        if find(dir, name).is_some() {
            continue;
        }
        let file = format!("{name}.gz");
        let url = format!("{MNIST_URL}{file}");
        let bytes = fetch(&url, &file).map_err(|problem| {
            Error::data(
                dir.join(&file),
                format!(
                    "could not be downloaded from {url}: {problem}; try again, or put MNIST's \
                     files there by hand"
                ),
            )
        })?;
        store(dir, &file, &url, &bytes)?;
    }
    Ok(())
}

/// Writes `bytes` as `dir/file`, once they prove to be an IDX file.
fn store(dir: &Path, file: &str, url: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(file);
    // The process's number keeps two programs that download at once out of each other's way.
    let partial = dir.join(format!(".{file}.{}.partial", std::process::id()));
    let stored = crate::files::write_whole(&partial, bytes)
        .and_then(|()| match IdxArray::read(&partial) {
            Err(Error::Data { problem, .. }) => Err(Error::data(
                &path,
                format!("refused what {url} sent ({} bytes): {problem}", bytes.len()),
            )),
            other => other,
        })
        .and_then(|_| fs::rename(&partial, &path).map_err(|source| Error::io(&path, source)));
    if stored.is_err() {
        // It may not have come into being; the error to report is the first one.
        let _ = fs::remove_file(&partial);
    }
    stored
}

/// The bytes at `url`, or why they did not come.
fn fetch(url: &str, file: &str) -> Result<Vec<u8>, String> {
    catch_unwind(|| download_file_as_bytes(url, file)).map_err(|panic| message(&*panic))
}

/// What a caught panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "the downloader failed without a message".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::idx::tests::{encode, gzip};
    use super::super::mnist::Mnist;
    use super::*;

    /// A mirror with one image and one label in each set.
    fn mirror(url: &str) -> Vec<u8> {
        gzip(&if url.contains("images") {
            encode(&[1, 1, 2], &[3, 4])
        } else {
            encode(&[1], &[5])
        })
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn missing_files_are_fetched_once_and_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new/mnist");
        fs::create_dir_all(&dir).unwrap();
        // One is there already, without compression.
        fs::write(dir.join("t10k-labels-idx1-ubyte"), encode(&[1], &[8])).unwrap();
        let asked = RefCell::new(Vec::new());
        let fetch = |url: &str, _: &str| {
            asked.borrow_mut().push(url.to_owned());
            Ok(mirror(url))
        };
        ensure_files(&dir, &fetch).unwrap();
        let expected = [
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
        ];
        assert_eq!(
            *asked.borrow(),
            expected.map(|file| format!("{MNIST_URL}{file}"))
        );
        assert_eq!(
            names(&dir),
            [
                "t10k-images-idx3-ubyte.gz",
                "t10k-labels-idx1-ubyte",
                "train-images-idx3-ubyte.gz",
                "train-labels-idx1-ubyte.gz",
            ]
        );
        assert_eq!(Mnist::train(&dir).unwrap().labels, [5]);
        assert_eq!(Mnist::test(&dir).unwrap().labels, [8]);
        // The second time nothing is asked for.
        ensure_files(&dir, &fetch).unwrap();
        assert_eq!(asked.borrow().len(), 3);
    }

    #[test]
    fn what_is_no_idx_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        for answer in [
            b"<html>404</html>".to_vec(),
            mirror("images")[..20].to_vec(),
        ] {
            let fetch = |_: &str, _: &str| Ok(answer.clone());
            let error = ensure_files(folder.path(), &fetch).unwrap_err().to_string();
            assert!(
                error.contains("train-images-idx3-ubyte.gz: refused what https://"),
                "{error}"
            );
            assert!(
                names(folder.path()).is_empty(),
                "{:?}",
                names(folder.path())
            );
        }
    }

    #[test]
    fn a_failed_download_is_an_error_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let fetch = |_: &str, _: &str| Err("no route to host".to_owned());
        let error = ensure_files(folder.path(), &fetch).unwrap_err().to_string();
        assert!(error.contains("no route to host"), "{error}");
        assert!(error.contains(MNIST_URL), "{error}");
    }

    #[test]
    fn a_caught_panic_keeps_its_message() {
        let plain = catch_unwind(|| panic!("as text")).unwrap_err();
        assert_eq!(message(&*plain), "as text");
        let formatted = catch_unwind(|| panic!("with number {}", 7)).unwrap_err();
        assert_eq!(message(&*formatted), "with number 7");
    }
}
