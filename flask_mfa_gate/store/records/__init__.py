"""What is kept and worked off: audit, versions of the policies, mail, daily totals, marks."""
