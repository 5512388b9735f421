"""Files and folders: paths that stay below their folder, whole writes, what identifies a file."""
