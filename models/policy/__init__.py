"""Policies learned from labelled datasets, and what they achieve in simulators."""
