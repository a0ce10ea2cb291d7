//! Whole files through the public functions, against each other and against the corpus.
