"""Readers, one per data set, into a common frame store; splits that share no recording."""
