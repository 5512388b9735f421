"""Running a recipe on videos: store, isolation, ledger, the loop itself. Plain Python."""
