"""The editor of a policy: a form that needs no script, and the document for those who prefer text."""
