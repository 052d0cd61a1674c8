"""Where a cache keeps what it keeps."""
