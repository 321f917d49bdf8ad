"""The reviewers' portal: its JSON API, its pages, the sandboxed frame of a task, and the documents in it."""
