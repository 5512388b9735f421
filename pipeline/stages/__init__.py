"""Stages that need nothing but light packages."""
