"""Object stores and other places behind a URL: listed, read into a bounded cache, written whole."""
