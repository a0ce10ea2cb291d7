//! The parsed structure of a file.

use crate::directory::{Directory, Role};
use crate::ghost::GhostArea;
use crate::header::Header;
use crate::problem::Problem;

/// Everything a TIFF file says of itself, and everything wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Bytes of the file.
    pub file_length: u64,
    /// The first bytes; `None` if the file is no TIFF.
    pub header: Option<Header>,
    /// GDAL's claims about the layout, if it made any.
    pub ghost: Option<GhostArea>,
    /// The directories in the order of the chain.
    pub directories: Vec<Directory>,
    /// What is wrong, in the order it was met; at most [`Structure::PROBLEM_CAP`].
    pub problems: Vec<Problem>,
    /// Problems beyond that number.
    pub problems_omitted: u64,
}

impl Structure {
    /// Most directories of a chain that are read; what follows is reported as [`Problem::TooManyDirectories`].
    pub const DIRECTORY_CAP: usize = 65_536;

    /// Most entries of a directory. Classic TIFF cannot say more; libtiff refuses more in BigTIFF too.
    pub const ENTRY_CAP: u64 = 65_535;

    /// Most problems that are listed one by one.
    pub const PROBLEM_CAP: usize = 10_000;

    /// Most bytes of one value that are kept, the block index aside. Longer metadata stay in the file.
    pub const VALUE_CAP: u64 = 1024 * 1024;

    pub(crate) const fn new(file_length: u64) -> Self {
        Self {
            file_length,
            header: None,
            ghost: None,
            directories: Vec::new(),
            problems: Vec::new(),
            problems_omitted: 0,
        }
    }

    pub(crate) fn report(&mut self, problem: Problem) {
        if self.problems.len() < Self::PROBLEM_CAP {
            self.problems.push(problem);
        } else {
            self.problems_omitted += 1;
        }
    }

    /// The first image.
    #[must_use]
    pub fn main(&self) -> Option<&Directory> {
        self.directories.first()
    }

    /// The directories with a role, in the order of the chain.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Directory> {
        self.directories.iter().filter(move |directory| directory.role == role)
    }
}
