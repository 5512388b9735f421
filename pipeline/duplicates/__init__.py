"""Near-duplicates among videos: the same recording, scaled, cropped, mirrored, encoded, trimmed."""
