//! How many files this process keeps open.
//!
//! A dataset may come from thousands of files, each of which a reader keeps for as long as it lives, while a process may
//! have a thousand descriptors (`ulimit -n`). So no more than [`limit`] files are really open: opening another one closes
//! the one that was opened first and is not being read, and reading that one opens it again. Who reads notices nothing,
//! unless another file has taken the name meanwhile: that is an error.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};

/// Open files, at most, where the system allows twice as many: more gives nothing, as threads read few at a time.
const MOST_OPEN: usize = 512;

static OPEN: LazyLock<Pool> = LazyLock::new(|| Pool::new(limit()));

/// Half of what the system allows, as there are other things to open.
fn limit() -> usize {
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed / 2).unwrap_or(usize::MAX));
    half.clamp(1, MOST_OPEN)
}

/// A file that is open when it is needed.
#[derive(Debug)]
pub(crate) struct Descriptor {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    file: RwLock<Option<File>>,
    pool: &'static Pool,
}

impl Descriptor {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> io::Result<(Arc<Self>, u64)> {
        Self::open_in(&OPEN, path)
    }

    fn open_in(pool: &'static Pool, path: &Path) -> io::Result<(Arc<Self>, u64)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        // Whoever changes the working directory later must not change which file this is.
        let path = std::path::absolute(path)?;
        let descriptor = Arc::new(Self { path, identity, file: RwLock::new(Some(file)), pool });
        pool.admit(&descriptor);
        Ok((descriptor, metadata.len()))
    }

    /// Calls `read` with the open file.
    pub(crate) fn with<T>(self: &Arc<Self>, read: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        if let Some(file) = self.opened().as_ref() {
            return read(file);
        }
        let reopened = {
            let mut slot = self.file.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have been faster.
            let missing = slot.is_none();
            if missing {
                *slot = Some(self.open_again()?);
            }
            missing
        };
        if reopened {
            // Without the lock on this file: the pool takes those of others.
            self.pool.admit(self);
        }
        match self.opened().as_ref() {
            Some(file) => read(file),
            // Closed again in between: then for this one time.
            None => read(&self.open_again()?),
        }
    }

    fn opened(&self) -> RwLockReadGuard<'_, Option<File>> {
        self.file.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_again(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.dev(), metadata.ino()) == self.identity {
            Ok(file)
        } else {
            Err(io::Error::other("another file has taken its name since it was opened"))
        }
    }

    /// Closes the file, unless it is being read.
    fn close(&self) -> bool {
        match self.file.try_write() {
            Ok(mut slot) => slot.take().is_some_and(|_| {
                self.pool.count.fetch_sub(1, Ordering::Relaxed);
                true
            }),
            Err(_) => false,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let slot = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            self.pool.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The files that are open.
#[derive(Debug)]
struct Pool {
    limit: usize,
    count: AtomicUsize,
    /// In the order in which they were opened; some may be gone.
    queue: Mutex<VecDeque<Weak<Descriptor>>>,
}

impl Pool {
    fn new(limit: usize) -> Self {
        Self { limit, count: AtomicUsize::new(0), queue: Mutex::default() }
    }

    /// Takes note of a file that has been opened, and closes others if that makes too many.
    fn admit(&self, opened: &Arc<Descriptor>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.count.fetch_add(1, Ordering::Relaxed);
        // Each is asked once: where all are being read, there are more for a while.
        for _ in 0..queue.len() {
            if self.count.load(Ordering::Relaxed) <= self.limit {
                break;
            }
            let Some(oldest) = queue.pop_front() else { break };
            if let Some(descriptor) = oldest.upgrade()
                && !descriptor.close()
            {
                queue.push_back(oldest);
            }
        }
        if queue.len() > 2 * self.limit {
            queue.retain(|entry| entry.strong_count() > 0);
        }
        queue.push_back(Arc::downgrade(opened));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn pool(limit: usize) -> &'static Pool {
        Box::leak(Box::new(Pool::new(limit)))
    }

    fn first_byte(descriptor: &Arc<Descriptor>) -> io::Result<u8> {
        let mut byte = [0];
        descriptor.with(|file| file.read_exact_at(&mut byte, 0)).map(|()| byte[0])
    }

    #[test]
    fn more_files_than_may_be_open_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(3);
        let files: Vec<_> = (0..20u8)
            .map(|number| {
                let path = directory.path().join(number.to_string());
                std::fs::write(&path, [number]).unwrap();
                Descriptor::open_in(pool, &path).unwrap().0
            })
            .collect();
        let open = || files.iter().filter(|file| file.opened().is_some()).count();
        assert_eq!((open(), pool.count.load(Ordering::Relaxed)), (3, 3));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..50 {
                        for (number, file) in files.iter().enumerate().skip(round % 7) {
                            assert_eq!(first_byte(file).unwrap(), number as u8);
                        }
                    }
                });
            }
        });
        assert_eq!(open(), pool.count.load(Ordering::Relaxed));
        assert!(open() <= 3 + 4, "{} are open", open());
        drop(files);
        assert_eq!(pool.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_file_that_is_being_read_stays_open() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(1);
        let open = |name: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, name).unwrap();
            Descriptor::open_in(pool, &path).unwrap().0
        };
        let first = open("a");
        let read = first.with(|file| {
            let second = open("b");
            assert_eq!(first_byte(&second).unwrap(), b'b');
            let mut byte = [0];
            file.read_exact_at(&mut byte, 0).map(|()| byte[0])
        });
        assert_eq!(read.unwrap(), b'a');
    }

    #[test]
    fn a_file_that_was_replaced_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let pool = pool(1);
        let (a, b, c) = (directory.path().join("a"), directory.path().join("b"), directory.path().join("c"));
        for path in [&a, &b, &c] {
            std::fs::write(path, "x").unwrap();
        }
        let (first, length) = Descriptor::open_in(pool, &a).unwrap();
        let second = Descriptor::open_in(pool, &b).unwrap().0;
        assert_eq!((length, first.opened().is_some(), second.opened().is_some()), (1, false, true));
        std::fs::rename(&c, &a).unwrap();
        assert!(first_byte(&first).unwrap_err().to_string().contains("another file has taken its name"));
        std::fs::remove_file(&a).unwrap();
        assert_eq!(first_byte(&first).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(first_byte(&second).unwrap(), b'x');
    }
}
