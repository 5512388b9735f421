"""What a person looks at: one self-contained HTML page, and Rerun recordings on demand."""
