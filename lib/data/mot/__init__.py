"""Footage of people to be found and followed: MOTChallenge, MOTSynth, Grand Central, one's own."""
