"""Simulators in which policies are tried and demonstrations are recorded, behind one interface."""
